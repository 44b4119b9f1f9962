using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Platform.Events;

namespace Uploads;

/// <summary>What the client says about a chunk's bytes.</summary>
internal readonly record struct ChunkChecksums(uint? Crc32, byte[]? Md5)
{
    public const string Crc32Header = "x-checksum-crc32";

    /// <summary><c>Content-MD5</c> (RFC 1864) and <c>x-checksum-crc32</c>: eight hex digits, or base64 as S3's clients have it.</summary>
    /// <exception cref="CommandRefusedException">A header is no checksum.</exception>
    public static ChunkChecksums Read(string? crc32, string? md5) =>
        new(string.IsNullOrEmpty(crc32) ? null : ParseCrc32(crc32), string.IsNullOrEmpty(md5) ? null : Decode(md5, 16));

    /// <exception cref="CommandRefusedException">The bytes are not what was promised.</exception>
    public void Check(uint actualCrc32, IncrementalHash? actualMd5)
    {
        if ((Crc32 is { } crc32 && crc32 != actualCrc32) || (Md5 is not null && !Md5.AsSpan().SequenceEqual(actualMd5!.GetHashAndReset())))
        {
            throw new CommandRefusedException("CHECKSUM_MISMATCH", "The chunk arrived damaged: its checksum is another. Send it again.");
        }
    }

    private static uint ParseCrc32(string text) =>
        uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) && text.Length == 8
            ? hex
            : BinaryPrimitives.ReadUInt32BigEndian(Decode(text, sizeof(uint)));

    private static byte[] Decode(string base64, int size)
    {
        var bytes = new byte[size];
        return Convert.TryFromBase64String(base64, bytes, out var written) && written == size
            ? bytes
            : throw new CommandRefusedException("INVALID_CHECKSUM", "A checksum header is malformed.");
    }
}
