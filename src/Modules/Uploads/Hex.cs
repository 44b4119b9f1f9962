using System.Globalization;

namespace Uploads;

/// <summary>How checksums are written in answers, as every tool that shows a CRC-32 does.</summary>
internal static class Hex
{
    public static string Of(uint crc32) => crc32.ToString("x8", CultureInfo.InvariantCulture);
}
