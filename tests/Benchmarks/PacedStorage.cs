using Platform.Storage;

namespace Benchmarks;

/// <summary>A store behind a line of limited and changing pace: what is read shares it block by block, and each request waits first.</summary>
internal sealed class PacedStorage(IObjectStorage inner, Line line, TimeSpan latency) : IObjectStorage
{
    public bool CopiesAreSound => inner.CopiesAreSound;

    public async Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken)
    {
        await Task.Delay(latency, cancellationToken);
        return new PacedStream(await inner.ReadAsync(key, range, ifMatch, cancellationToken), line);
    }

    public async Task<StoredPart> CopyPartAsync(
        MultipartUpload upload, PartSlot part, string sourceKey, long sourceOffsetBytes, string sourceETag, CancellationToken cancellationToken)
    {
        await line.PassAsync(part.SizeBytes, cancellationToken);
        return await inner.CopyPartAsync(upload, part, sourceKey, sourceOffsetBytes, sourceETag, cancellationToken);
    }

    public Task<StoredObject?> HeadAsync(string key, CancellationToken cancellationToken) => inner.HeadAsync(key, cancellationToken);

    public Task<ObjectPage> ListAsync(string prefix, string? continuation, CancellationToken cancellationToken) =>
        inner.ListAsync(prefix, continuation, cancellationToken);

    public Task<StoredObject> PutAsync(string key, Stream body, long sizeBytes, string contentType, CancellationToken cancellationToken) =>
        inner.PutAsync(key, body, sizeBytes, contentType, cancellationToken);

    public Task CopyAsync(string sourceKey, string key, ObjectHeaders headers, CancellationToken cancellationToken) =>
        inner.CopyAsync(sourceKey, key, headers, cancellationToken);

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => inner.DeleteAsync(key, cancellationToken);

    public Task<MultipartUpload> BeginMultipartAsync(string key, string contentType, CancellationToken cancellationToken) =>
        inner.BeginMultipartAsync(key, contentType, cancellationToken);

    public Task<StoredPart> PutPartAsync(MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken) =>
        inner.PutPartAsync(upload, part, body, cancellationToken);

    public Task<IReadOnlyList<StoredPart>> ListPartsAsync(MultipartUpload upload, CancellationToken cancellationToken) =>
        inner.ListPartsAsync(upload, cancellationToken);

    public Task<StoredObject> CompleteMultipartAsync(MultipartUpload upload, IReadOnlyList<StoredPart> parts, CancellationToken cancellationToken) =>
        inner.CompleteMultipartAsync(upload, parts, cancellationToken);

    public Task<MultipartPage> ListMultipartsAsync(string prefix, string? continuation, CancellationToken cancellationToken) =>
        inner.ListMultipartsAsync(prefix, continuation, cancellationToken);

    public Task AbortMultipartAsync(MultipartUpload upload, CancellationToken cancellationToken) =>
        inner.AbortMultipartAsync(upload, cancellationToken);

    public Uri? PresignPart(MultipartUpload upload, PartSlot part, TimeSpan lifetime) => inner.PresignPart(upload, part, lifetime);

    public Uri? PresignDownload(string key, TimeSpan lifetime, string fileName) => inner.PresignDownload(key, lifetime, fileName);

    public PresignedPut? PresignPut(string key, ObjectHeaders headers, ReadOnlyMemory<byte> sha256, TimeSpan lifetime) =>
        inner.PresignPut(key, headers, sha256, lifetime);

    private sealed class PacedStream(Stream inner, Line line) : ReadOnlyStream
    {
        private const int BlockBytes = 128 * 1024;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer[..Math.Min(buffer.Length, BlockBytes)], cancellationToken);
            await line.PassAsync(read, cancellationToken);
            return read;
        }

        public override async ValueTask DisposeAsync()
        {
            await inner.DisposeAsync();
            await base.DisposeAsync();
        }
    }
}

/// <param name="bytesPerSecond">By the seconds since the line is there.</param>
internal sealed class Line(Func<double, double> bytesPerSecond)
{
    private readonly Lock gate = new();
    private readonly long start = TimeProvider.System.GetTimestamp();
    private double freeAt;

    internal async Task PassAsync(long bytes, CancellationToken cancellationToken)
    {
        double wait;
        lock (gate)
        {
            var now = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
            freeAt = Math.Max(freeAt, now) + (bytes / bytesPerSecond(now));
            wait = freeAt - now;
        }

        if (wait > 0.002)
        {
            await Task.Delay(TimeSpan.FromSeconds(wait), cancellationToken);
        }
    }
}
