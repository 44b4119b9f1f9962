using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Platform.Events;

namespace Uploads;

/// <summary>
/// The header fields that say what a chunk's bytes are. Those of a trailer section, for clients that learn it while they send, have the
/// same names; <c>Trailer</c> announces them.
/// </summary>
internal sealed record ChecksumFields(
    [FromHeader(Name = "x-checksum-crc32")] string? Crc32 = null,
    [FromHeader(Name = "x-amz-checksum-crc32")] string? AmazonCrc32 = null,
    [FromHeader(Name = "Content-MD5")] string? ContentMD5 = null,
    [FromHeader(Name = "Content-Digest")] string? ContentDigest = null,
    [FromHeader(Name = "Trailer")] string? Trailer = null)
{
    public static ChecksumFields Of(IHeaderDictionary fields) =>
        new(fields["x-checksum-crc32"], fields["x-amz-checksum-crc32"], fields.ContentMD5, fields["Content-Digest"]);
}

/// <summary>
/// Computes what the client promised about a chunk's bytes while they pass, and CRC-32 always: in eight hex digits or, as S3's clients have
/// it, base64; <c>Content-MD5</c> (RFC 1864); <c>Content-Digest</c> (RFC 9530) with md5, sha-256 and sha-512, other algorithms being
/// ignored. In a trailer <c>Content-Digest</c> counts with sha-256 only: which it will be is not known when the first bytes come.
/// </summary>
internal sealed class ChunkChecksums : IDisposable
{
    private readonly Dictionary<HashAlgorithmName, IncrementalHash> hashes = [];
    private readonly List<(HashAlgorithmName Algorithm, byte[] Digest)> digests = [];
    private readonly List<uint> crcs = [];
    private readonly IHttpRequestTrailersFeature? trailers;

    /// <exception cref="CommandRefusedException">A field is malformed.</exception>
    public ChunkChecksums(ChecksumFields headers, IHttpRequestTrailersFeature? trailers)
    {
        this.trailers = trailers;
        Promise(headers);
        foreach (var (algorithm, _) in digests)
        {
            Compute(algorithm);
        }

        foreach (var name in (headers.Trailer ?? "").Split(',', StringSplitOptions.TrimEntries))
        {
            if (name.Equals("Content-MD5", StringComparison.OrdinalIgnoreCase))
            {
                Compute(HashAlgorithmName.MD5);
            }
            else if (name.Equals("Content-Digest", StringComparison.OrdinalIgnoreCase))
            {
                Compute(HashAlgorithmName.SHA256);
            }
        }
    }

    /// <summary>Of the bytes so far.</summary>
    public uint Crc32 { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Crc32 = Platform.Storage.Crc32.Append(Crc32, bytes);
        foreach (var hash in hashes.Values)
        {
            hash.AppendData(bytes);
        }
    }

    /// <summary>To be called once, when the body has ended: then its trailers are there.</summary>
    /// <exception cref="CommandRefusedException">The bytes are not what was promised, or a trailer is malformed.</exception>
    public void Check()
    {
        if (trailers?.Available == true)
        {
            Promise(ChecksumFields.Of(trailers.Trailers));
        }

        var actual = hashes.ToDictionary(hash => hash.Key, hash => hash.Value.GetHashAndReset());
        if (crcs.Exists(crc32 => crc32 != Crc32)
            || digests.Exists(promised => actual.TryGetValue(promised.Algorithm, out var digest) && !digest.AsSpan().SequenceEqual(promised.Digest)))
        {
            throw new CommandRefusedException("CHECKSUM_MISMATCH", "The chunk arrived damaged: its checksum is another. Send it again.");
        }
    }

    public void Dispose()
    {
        foreach (var hash in hashes.Values)
        {
            hash.Dispose();
        }
    }

    private void Promise(ChecksumFields fields)
    {
        crcs.AddRange(new[] { fields.Crc32, fields.AmazonCrc32 }.Where(field => !string.IsNullOrEmpty(field)).Select(field => ParseCrc32(field!)));
        if (!string.IsNullOrEmpty(fields.ContentMD5))
        {
            digests.Add((HashAlgorithmName.MD5, Decode(fields.ContentMD5, MD5.HashSizeInBytes)));
        }

        // A dictionary of byte sequences (RFC 9651 §3.2): sha-256=:base64:, md5=:base64:
        foreach (var member in (fields.ContentDigest ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var (key, value) = member.IndexOf('=', StringComparison.Ordinal) is var equals and > 0
                ? (member[..equals], member[(equals + 1)..])
                : throw Malformed();
            var (algorithm, size) = key switch
            {
                "md5" => (HashAlgorithmName.MD5, MD5.HashSizeInBytes),
                "sha-256" => (HashAlgorithmName.SHA256, SHA256.HashSizeInBytes),
                "sha-512" => (HashAlgorithmName.SHA512, SHA512.HashSizeInBytes),
                _ => default,
            };
            if (size > 0)
            {
                digests.Add((algorithm, value is [':', .. var base64, ':'] ? Decode(base64, size) : throw Malformed()));
            }
        }
    }

    private void Compute(HashAlgorithmName algorithm)
    {
        if (!hashes.ContainsKey(algorithm))
        {
            hashes.Add(algorithm, IncrementalHash.CreateHash(algorithm));
        }
    }

    /// <exception cref="CommandRefusedException">It is neither eight hex digits nor Base64 of four bytes.</exception>
    internal static uint ParseCrc32(string text) =>
        uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) && text.Length == 8
            ? hex
            : BinaryPrimitives.ReadUInt32BigEndian(Decode(text, sizeof(uint)));

    private static byte[] Decode(string base64, int size)
    {
        var bytes = new byte[size];
        return Convert.TryFromBase64String(base64, bytes, out var written) && written == size ? bytes : throw Malformed();
    }

    private static CommandRefusedException Malformed() => new("INVALID_CHECKSUM", "A checksum field is malformed.");
}
