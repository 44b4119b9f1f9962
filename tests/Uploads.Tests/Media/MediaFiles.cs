using System.Buffers.Binary;
using System.Text;
using Testing;

namespace Uploads.Tests.Media;

/// <summary>Files as cameras and programs write them, built byte by byte by the formats' own words.</summary>
internal static class MediaFiles
{
    public const string Taken = "2026:06:20 14:03:22";

    /// <summary>A TIFF header with the first directory and that of Exif.</summary>
    public static byte[] Exif(int orientation = 1, string? taken = Taken, string? offset = "+02:00", bool isLittleEndian = true, int width = 0, int height = 0)
    {
        var details = new List<(ushort Tag, ushort Type, byte[] Value)>();
        if (taken is not null)
        {
            details.Add((0x9003, 2, [.. Encoding.ASCII.GetBytes(taken), 0]));
        }

        if (offset is not null)
        {
            details.Add((0x9011, 2, [.. Encoding.ASCII.GetBytes(offset), 0]));
        }

        List<(ushort Tag, ushort Type, byte[] Value)> first = [(0x0112, 3, U16(orientation))];
        if (width > 0)
        {
            first.InsertRange(0, [(0x0100, 4, U32(width)), (0x0101, 3, U16(height))]);
        }

        var detailsAt = 8 + 2 + (12 * (first.Count + 1)) + 4;
        first.Add((0x8769, 4, U32(detailsAt)));
        return [.. isLittleEndian ? "II*\0"u8 : "MM\0*"u8, .. U32(8), .. Directory(first, 0), .. Directory(details, detailsAt)];

        byte[] Directory(List<(ushort Tag, ushort Type, byte[] Value)> entries, int at)
        {
            var valuesAt = at + 2 + (12 * entries.Count) + 4;
            List<byte> table = [.. U16(entries.Count)], values = [];
            foreach (var (tag, type, value) in entries)
            {
                var count = value.Length / (type switch { 3 => 2, 4 => 4, _ => 1 });
                table.AddRange([.. U16(tag), .. U16(type), .. U32(count)]);
                table.AddRange(value.Length > 4 ? U32(valuesAt + values.Count) : [.. value, .. new byte[4 - value.Length]]);
                values.AddRange(value.Length > 4 ? value : []);
            }

            return [.. table, .. U32(0), .. values];
        }

        byte[] U16(int value) => isLittleEndian ? [(byte)value, (byte)(value >> 8)] : [(byte)(value >> 8), (byte)value];

        byte[] U32(int value) => isLittleEndian ? [.. Big(value).Reverse()] : Big(value);
    }

    /// <summary>A photo that decodes, with Exif where a camera puts it.</summary>
    public static async Task<byte[]> JpegAsync(int width, int height, byte[]? exif)
    {
        using var photo = SampleMedia.OpenPhoto(1, width, height, noise: 8);
        var bytes = new byte[photo.Length];
        await photo.ReadExactlyAsync(bytes);
        byte[] segment = exif is null ? [] : [0xFF, 0xE1, (byte)((exif.Length + 8) >> 8), (byte)(exif.Length + 8), .. "Exif\0\0"u8, .. exif];
        return [.. bytes[..2], .. segment, .. bytes[2..]];
    }

    public static byte[] Png(int width, int height, byte[]? exif = null) =>
    [
        0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n',
        .. Chunk("IHDR", [.. Big(width), .. Big(height), 8, 2, 0, 0, 0]),
        .. exif is null ? [] : Chunk("eXIf", exif),
        .. Chunk("IDAT", new byte[100]),
        .. Chunk("IEND", []),
    ];

    public static byte[] Gif(int width, int height) => [.. "GIF89a"u8, (byte)width, (byte)(width >> 8), (byte)height, (byte)(height >> 8), 0, 0, 0, 0x3B];

    public static byte[] WebpExtended(int width, int height, byte[] exif) =>
        Riff("VP8X", [8, 0, 0, 0, .. Big(width - 1).Reverse().Take(3), .. Big(height - 1).Reverse().Take(3)], exif);

    public static byte[] WebpLossless(int width, int height) =>
        Riff("VP8L", [0x2F, .. Big((width - 1) | ((height - 1) << 14)).Reverse()]);

    public static byte[] WebpLossy(int width, int height) =>
        Riff("VP8 ", [0, 0, 0, 0x9D, 0x01, 0x2A, (byte)width, (byte)(width >> 8), (byte)height, (byte)(height >> 8)]);

    /// <summary>As iPhones write it: a grid of tiles with a preview and Exif, which stands behind the tiles.</summary>
    public static byte[] Heic(int width, int height, byte[] exif, bool isTurned = false, int tileBytes = 0, int version = 1, string brand = "heic")
    {
        byte[] item = [.. Big(6), .. "Exif\0\0"u8, .. exif];
        var size = Build(0).Length;
        return [.. Build(size + 8 + tileBytes), .. Box("mdat", [.. new byte[tileBytes], .. item])];

        byte[] Build(int exifAt) =>
        [
            .. Box("ftyp", [.. Encoding.ASCII.GetBytes(brand), .. Big(0), .. "mif1"u8, .. Encoding.ASCII.GetBytes(brand)]),
            .. Box("meta", [.. Big(0), .. Box("hdlr", new byte[24]), .. Infos(), .. Properties(), .. Locations(exifAt)]),
        ];

        byte[] Infos() => Box("iinf", [
            .. Big(0), 0, 2,
            .. Box("infe", [2, 0, 0, 0, 0, 1, 0, 0, .. "hvc1"u8, 0]),
            .. Box("infe", [2, 0, 0, 0, 0, 2, 0, 0, .. "Exif"u8, 0])]);

        byte[] Properties() => Box("iprp", Box("ipco", [
            .. Box("ispe", [.. Big(0), .. Big(512), .. Big(512)]),
            .. Box("ispe", [.. Big(0), .. Big(width), .. Big(height)]),
            .. Box("ispe", [.. Big(0), .. Big(320), .. Big(240)]),
            .. isTurned ? Box("irot", [3]) : []]));

        byte[] Locations(int exifAt)
        {
            byte[] method = version == 0 ? [] : [0, 0];
            return Box("iloc", [
                (byte)version, 0, 0, 0, 0x44, 0x00, 0, 2,
                0, 1, .. method, 0, 0, 0, 1, .. Big(0), .. Big(tileBytes),
                0, 2, .. method, 0, 0, 0, 1, .. Big(exifAt), .. Big(item.Length)]);
        }
    }

    /// <summary>A film whose moov stands before its pictures, or behind them.</summary>
    public static byte[] Film(DateTime? createdAt, bool isMoovFirst, bool is64Bit = false)
    {
        var seconds = createdAt is { } created ? (long)(created - new DateTime(1904, 1, 1)).TotalSeconds : 0;
        byte[] times = is64Bit ? [1, 0, 0, 0, .. Big(0), .. Big((int)(uint)seconds)] : [0, 0, 0, 0, .. Big((int)(uint)seconds)];
        var moov = Box("moov", Box("mvhd", [.. times, .. new byte[96]]));

        // As long files have it: the size in 64 bits.
        byte[] mdat = [.. Big(1), .. "mdat"u8, .. Big(0), .. Big(10_016), .. new byte[10_000]];
        return [.. Box("ftyp", [.. "isom"u8, .. Big(0)]), .. isMoovFirst ? moov : [], .. Box("wide", []), .. mdat, .. isMoovFirst ? [] : moov];
    }

    public static byte[] Box(string type, byte[] content) => [.. Big(content.Length + 8), .. Encoding.ASCII.GetBytes(type), .. content];

    public static byte[] Big(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Chunk(string type, byte[] content) => [.. Big(content.Length), .. Encoding.ASCII.GetBytes(type), .. content, .. new byte[4]];

    private static byte[] Riff(string type, byte[] content, byte[]? exif = null)
    {
        byte[] padded = [.. content, .. new byte[content.Length & 1]];
        byte[] tail = exif is null ? [] : [.. "EXIF"u8, .. Big(exif.Length).Reverse(), .. exif];
        return [.. "RIFF"u8, .. Big(12 + padded.Length + tail.Length).Reverse(), .. "WEBP"u8, .. Encoding.ASCII.GetBytes(type), .. Big(content.Length).Reverse(), .. padded, .. tail];
    }
}
