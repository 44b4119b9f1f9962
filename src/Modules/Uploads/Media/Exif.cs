using System.Globalization;
using System.Text;

namespace Uploads;

/// <summary>
/// What cameras write about a picture (Exif 3.0 §4.6): a TIFF file of directories. A directory is a count and twelve bytes an entry: tag, type,
/// number of values, and the value, or where it stands if it has more than four bytes.
/// </summary>
/// <param name="Orientation">1 to 8; from 5 on the picture is shown lying on its side (§4.6.4, tag 0x0112).</param>
/// <param name="Width">Of the picture before it is turned.</param>
internal readonly record struct Exif(int Orientation, long? Width, long? Height, DateTime? TakenAtLocal, TimeSpan? TakenAtOffset)
{
    // More has no camera. A hostile file may count up to 65,535.
    private const int MostEntries = 512;

    public static Exif Read(ReadOnlySpan<byte> tiff)
    {
        var isLittleEndian = tiff.StartsWith("II*\0"u8);
        if (!isLittleEndian && !tiff.StartsWith("MM\0*"u8))
        {
            return default;
        }

        var file = new HeadBytes(tiff, isLittleEndian);
        var first = file.U32(4) ?? 0;
        var details = Number(file, first, 0x8769) ?? 0;
        var taken = DateTime.TryParseExact(
            Text(file, details, 0x9003), "yyyy:MM:dd HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out var local) ? local : (DateTime?)null;
        return new Exif(
            (int)(Number(file, first, 0x0112) ?? 1),
            Number(file, details, 0xA002) ?? Number(file, first, 0x0100),
            Number(file, details, 0xA003) ?? Number(file, first, 0x0101),
            taken,
            taken is null ? null : Offset(Text(file, details, 0x9011)));
    }

    private static long? Number(HeadBytes file, long directory, ushort tag) => Find(file, directory, tag) is not { } entry ? null
        : file.U16(entry + 2) switch
        {
            3 => file.U16(entry + 8),
            4 => file.U32(entry + 8),
            _ => null,
        };

    private static string Text(HeadBytes file, long directory, ushort tag)
    {
        const ushort Ascii = 2;
        const int Longest = 32;
        if (Find(file, directory, tag) is not { } entry || file.U16(entry + 2) != Ascii)
        {
            return "";
        }

        var count = Math.Min(file.U32(entry + 4) ?? 0, Longest);
        return Encoding.ASCII.GetString(file.Cut(count > 4 ? file.U32(entry + 8) ?? 0 : entry + 8, count)).TrimEnd('\0', ' ');
    }

    private static long? Find(HeadBytes file, long directory, ushort tag)
    {
        // Nothing stands before the end of the header.
        var count = directory < 8 ? 0 : Math.Min((int)(file.U16(directory) ?? 0), MostEntries);
        for (var entry = directory + 2; count > 0 && entry < file.Count; count--, entry += 12)
        {
            if (file.U16(entry) == tag)
            {
                return entry;
            }
        }

        return null;
    }

    // +02:00
    private static TimeSpan? Offset(string text) =>
        text is ['+' or '-', .. var time] && TimeSpan.TryParseExact(time, @"hh\:mm", CultureInfo.InvariantCulture, out var offset) && offset <= TimeSpan.FromHours(14)
            ? text[0] == '-' ? -offset : offset
            : null;
}
