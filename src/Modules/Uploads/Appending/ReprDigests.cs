using System.Buffers;
using Platform.Storage;

namespace Uploads;

/// <summary>
/// Digests of whole files (RFC 9530 §3.1), read back from the store: a hash that is half done cannot be handed from one request to the
/// next, which another node may answer.
/// </summary>
internal sealed class ReprDigests(IObjectStorage storage)
{
    private const int BlockBytes = 128 * 1024;

    /// <summary>Whether the file has another digest than its client promised, if it promised one.</summary>
    public async Task<bool> DiffersAsync(Upload upload, StoredObject? stored) =>
        stored is not null
        && upload.Session.Append?.ReprDigest is { } promised
        && DigestFields.Parse(promised) is [var expected, ..]
        && !(await ComputeAsync(stored.Key, stored.ETag, expected.Algorithm, CancellationToken.None)).AsSpan().SequenceEqual(expected.Value);

    public async Task<byte[]> ComputeAsync(string key, string etag, string algorithm, CancellationToken cancellationToken)
    {
        using var digest = new RunningDigest(algorithm);
        var block = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            await using var body = await storage.ReadAsync(key, range: null, etag, cancellationToken);
            for (int read; (read = await body.ReadAsync(block, cancellationToken)) > 0;)
            {
                digest.Append(block.AsSpan(0, read));
            }

            return digest.Value;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }
}
