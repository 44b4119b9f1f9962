using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Testing;

namespace Assets.Tests.Images;

/// <summary>Photos as cameras make them and as nobody should, and a decoder that is not ours.</summary>
internal static class Photos
{
    /// <summary>What a camera writes about whose it is.</summary>
    internal const string Camera = "A camera of somebody";

    internal static byte[] Photo(int seed, int width, int height)
    {
        using var photo = SampleMedia.OpenPhoto(seed, width, height, noise: 12);
        var bytes = new byte[photo.Length];
        photo.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>With EXIF (CIPA DC-008): how it was held, by which camera, and where.</summary>
    internal static byte[] WithExif(byte[] jpeg, ushort orientation)
    {
        byte[] tiff =
        [
            .. "MM\0*\0\0\0\u0008"u8, // big-endian, the first directory at 8
            0, 3,
            .. Entry(0x010F, type: 2, count: Camera.Length + 1, 50), // Make
            .. Entry(0x0112, type: 3, count: 1, orientation << 16),
            .. Entry(0x8825, type: 4, count: 1, 80), // GPS directory
            0, 0, 0, 0,
            .. System.Text.Encoding.ASCII.GetBytes(Camera.PadRight(30, '\0')), // at 50
            0, 2,
            .. Entry(1, type: 2, count: 2, 'N' << 24), // GPSLatitudeRef
            .. Entry(2, type: 5, count: 3, 110), // GPSLatitude
            0, 0, 0, 0,
            .. Rational(48), .. Rational(8), .. Rational(15), // at 110
        ];
        byte[] exif = [.. "Exif\0\0"u8, .. tiff];
        return [0xFF, 0xD8, 0xFF, 0xE1, (byte)((exif.Length + 2) >> 8), (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
    }

    /// <summary>A JPEG all of one colour.</summary>
    internal static Task<byte[]> PlainAsync(string colour, CancellationToken cancellationToken) => RunAsync(
        "ffmpeg", ["-v", "error", "-f", "lavfi", "-i", $"color=c={colour}:s=400x300", "-frames:v", "1", "-q:v", "2", "-f", "mjpeg", "-"], cancellationToken);

    /// <summary>The same numbers, but of Display P3 (with a gamma of 2.2): a profile of version 2 as in ICC.1:2001-04, with colorants adapted to D50.</summary>
    internal static byte[] InDisplayP3(byte[] jpeg)
    {
        byte[] gamma = [.. "curv"u8, 0, 0, 0, 0, 0, 0, 0, 1, 2, 51, 0, 0];
        (string Name, byte[] Value)[] tags =
        [
            ("wtpt", Xyz(0.9642, 1, 0.8249)),
            ("rXYZ", Xyz(0.51512, 0.24120, -0.00105)), ("gXYZ", Xyz(0.29198, 0.69225, 0.04189)), ("bXYZ", Xyz(0.15710, 0.06657, 0.78407)),
            ("rTRC", gamma), ("gTRC", gamma), ("bTRC", gamma),
        ];
        var table = new List<byte>(Number(tags.Length));
        var offset = 128 + 4 + (12 * tags.Length);
        foreach (var (name, value) in tags)
        {
            table.AddRange([.. System.Text.Encoding.ASCII.GetBytes(name), .. Number(offset), .. Number(value.Length)]);
            offset += value.Length;
        }

        byte[] head =
        [
            .. Number(offset), 0, 0, 0, 0, 2, 0x10, 0, 0, .. "mntrRGB XYZ "u8, 7, 0xEA, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0,
            .. "acsp"u8, .. new byte[28], .. Xyz(0.9642, 1, 0.8249)[8..], .. new byte[48],
        ];
        byte[] profile = [.. "ICC_PROFILE\0"u8, 1, 1, .. head, .. table, .. tags.SelectMany(tag => tag.Value)];
        return [0xFF, 0xD8, 0xFF, 0xE2, (byte)((profile.Length + 2) >> 8), (byte)(profile.Length + 2), .. profile, .. jpeg[2..]];

        static byte[] Xyz(double x, double y, double z) => [.. "XYZ "u8, 0, 0, 0, 0, .. new[] { x, y, z }.SelectMany(value => Number((int)(value * 65536)))];

        static byte[] Number(int number)
        {
            var bytes = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(bytes, number);
            return bytes;
        }
    }

    /// <summary>A JPEG whose header says that it is larger than it is.</summary>
    internal static byte[] Claiming(byte[] jpeg, ushort width, ushort height)
    {
        var lying = jpeg.ToArray();
        var frame = lying.AsSpan().IndexOf<byte>([0xFF, 0xC0]) + 5; // SOF0: marker, length, precision
        BinaryPrimitives.WriteUInt16BigEndian(lying.AsSpan(frame), height);
        BinaryPrimitives.WriteUInt16BigEndian(lying.AsSpan(frame + 2), width);
        return lying;
    }

    /// <summary>Format, width, height and the mean of red, green and blue, as ffmpeg sees them.</summary>
    internal static async Task<(string Codec, int Width, int Height, byte[] Mean)> DecodeAsync(string file, CancellationToken cancellationToken)
    {
        var shape = await RunAsync(
            "ffprobe", ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", file], cancellationToken);
        var words = System.Text.Encoding.ASCII.GetString(shape).Trim().Split('\n')[0].Split(',');
        var mean = await RunAsync(
            "ffmpeg", ["-v", "error", "-i", file, "-vf", "scale=1:1:flags=area", "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"], cancellationToken);
        return (words[0], int.Parse(words[1], CultureInfo.InvariantCulture), int.Parse(words[2], CultureInfo.InvariantCulture), mean);
    }

    private static async Task<byte[]> RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        using var output = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(output, cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0 ? output.ToArray() : throw new InvalidOperationException($"{program} ended with {process.ExitCode}.");
    }

    private static byte[] Entry(ushort tag, ushort type, int count, int value)
    {
        var entry = new byte[12];
        BinaryPrimitives.WriteUInt16BigEndian(entry, tag);
        BinaryPrimitives.WriteUInt16BigEndian(entry.AsSpan(2), type);
        BinaryPrimitives.WriteInt32BigEndian(entry.AsSpan(4), count);
        BinaryPrimitives.WriteInt32BigEndian(entry.AsSpan(8), value);
        return entry;
    }

    private static byte[] Rational(int number) => [0, 0, 0, (byte)number, 0, 0, 0, 1];
}
