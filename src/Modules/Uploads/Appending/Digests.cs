using System.Buffers.Binary;
using System.Security.Cryptography;
using Platform.Events;

namespace Uploads;

/// <summary>The digest that bytes must have.</summary>
/// <param name="Algorithm">As tus and RFC 9530 name it, without hyphen.</param>
internal readonly record struct Digest(string Algorithm, byte[] Value)
{
    private static readonly string[] Known = ["crc32", "md5", "sha1", "sha256", "sha512"];

    /// <exception cref="CommandRefusedException">The algorithm is unknown, or the value is no base64. One of a wrong size is no digest of anything.</exception>
    public static Digest Parse(string algorithm, string base64)
    {
        if (!Known.Contains(algorithm))
        {
            throw new CommandRefusedException("INVALID_CHECKSUM", $"Checksums are taken as {string.Join(", ", Known)}.");
        }

        var value = new byte[base64.Length];
        return base64.Length > 0 && Convert.TryFromBase64String(base64, value, out var size)
            ? new Digest(algorithm, value[..size])
            : throw new CommandRefusedException("INVALID_CHECKSUM", "A checksum is not base64.");
    }
}

/// <summary>Computes the digests of one body while it passes.</summary>
/// <param name="algorithms">To be computed; each is known.</param>
/// <param name="promised">
/// What the body must be, asked for once it has ended and its trailers are there; <see langword="null"/> where it may be anything.
/// </param>
/// <param name="mismatch">The refusal of a body that is something else.</param>
internal sealed class BodyDigests(
    IEnumerable<string> algorithms, Func<IEnumerable<Digest>>? promised, Func<CommandRefusedException> mismatch) : IDisposable
{
    private readonly List<RunningDigest> running = [.. algorithms.Distinct().Select(algorithm => new RunningDigest(algorithm))];
    private AppendTerms? file;

    /// <summary>Whether nothing of the body may count before <see cref="Check"/>.</summary>
    public bool MustMatch => promised is not null;

    /// <summary>Whether the body is the whole file, and what was promised for that.</summary>
    public bool FileIsVerified => DigestFields.Parse(file?.ReprDigest) is [var expected, ..] && Holds(expected);

    /// <summary>Computes, too, what was promised and what is wanted of the whole file, which this body is.</summary>
    public void ComputeOfFile(AppendTerms terms)
    {
        file = terms;
        var wanted = DigestFields.Parse(terms.ReprDigest).Select(digest => digest.Algorithm).Append(terms.WantReprDigest).OfType<string>();
        running.AddRange(wanted.Distinct().Where(algorithm => Of(algorithm) is null).ToArray().Select(algorithm => new RunningDigest(algorithm)));
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        foreach (var digest in running)
        {
            digest.Append(bytes);
        }
    }

    /// <exception cref="CommandRefusedException">The body is not what was promised.</exception>
    public void Check()
    {
        if (promised?.Invoke().All(Holds) is false)
        {
            throw mismatch();
        }
    }

    /// <summary>The digest of the whole file; <see langword="null"/> where this body was not that, or it was not wanted.</summary>
    public byte[]? OfFile(string algorithm) => file is null ? null : Of(algorithm);

    public void Dispose() => running.ForEach(digest => digest.Dispose());

    private byte[]? Of(string algorithm) => running.Find(digest => digest.Algorithm == algorithm)?.Value;

    private bool Holds(Digest expected) => Of(expected.Algorithm) is { } actual && actual.AsSpan().SequenceEqual(expected.Value);
}

/// <summary>Computes one digest while bytes pass.</summary>
internal sealed class RunningDigest(string algorithm) : IDisposable
{
    private readonly IncrementalHash? hash = algorithm is "crc32" ? null : IncrementalHash.CreateHash(new(algorithm.ToUpperInvariant()));
    private uint crc32;

    public string Algorithm => algorithm;

    /// <summary>Of all bytes so far. CRC-32 comes in network order.</summary>
    public byte[] Value
    {
        get
        {
            if (hash is not null)
                return hash.GetCurrentHash();
            var value = new byte[sizeof(uint)];
            BinaryPrimitives.WriteUInt32BigEndian(value, crc32);
            return value;
        }
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (hash is null)
        {
            crc32 = Platform.Storage.Crc32.Append(crc32, bytes);
        }
        else
        {
            hash.AppendData(bytes);
        }
    }

    public void Dispose() => hash?.Dispose();
}
