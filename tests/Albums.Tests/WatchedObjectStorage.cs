using Platform.Storage;

namespace Albums.Tests;

/// <summary>Counts what readers of a store hold open and have read.</summary>
internal sealed class WatchedObjectStorage(IObjectStorage inner) : IObjectStorage
{
    private int open;
    private int mostOpen;
    private long bytesRead;

    public bool CopiesAreSound => inner.CopiesAreSound;

    internal int Open => open;

    /// <summary>Most bodies open at a time.</summary>
    internal int MostOpen => mostOpen;

    internal long BytesRead => Interlocked.Read(ref bytesRead);

    internal void Reset() => (mostOpen, bytesRead) = (0, 0);

    public async Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken)
    {
        var body = await inner.ReadAsync(key, range, ifMatch, cancellationToken);
        var now = Interlocked.Increment(ref open);
        for (var most = mostOpen; now > most && Interlocked.CompareExchange(ref mostOpen, now, most) != most; most = mostOpen)
        {
        }

        return new WatchedBody(this, body);
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

    public Task<StoredPart> CopyPartAsync(
        MultipartUpload upload, PartSlot part, string sourceKey, long sourceOffsetBytes, string sourceETag, CancellationToken cancellationToken) =>
        inner.CopyPartAsync(upload, part, sourceKey, sourceOffsetBytes, sourceETag, cancellationToken);

    public Task<IReadOnlyList<StoredPart>> ListPartsAsync(MultipartUpload upload, CancellationToken cancellationToken) =>
        inner.ListPartsAsync(upload, cancellationToken);

    public Task<StoredObject> CompleteMultipartAsync(
        MultipartUpload upload, IReadOnlyList<StoredPart> parts, CancellationToken cancellationToken) =>
        inner.CompleteMultipartAsync(upload, parts, cancellationToken);

    public Task<MultipartPage> ListMultipartsAsync(string prefix, string? continuation, CancellationToken cancellationToken) =>
        inner.ListMultipartsAsync(prefix, continuation, cancellationToken);

    public Task AbortMultipartAsync(MultipartUpload upload, CancellationToken cancellationToken) =>
        inner.AbortMultipartAsync(upload, cancellationToken);

    public Uri? PresignPart(MultipartUpload upload, PartSlot part, TimeSpan lifetime) => inner.PresignPart(upload, part, lifetime);

    public Uri? PresignDownload(string key, TimeSpan lifetime, string fileName) => inner.PresignDownload(key, lifetime, fileName);

    public PresignedPut? PresignPut(string key, ObjectHeaders headers, ReadOnlyMemory<byte> sha256, TimeSpan lifetime) =>
        inner.PresignPut(key, headers, sha256, lifetime);

    private sealed class WatchedBody(WatchedObjectStorage store, Stream body) : ReadOnlyStream
    {
        private bool isClosed;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Yield(); // as a network does, so that reads overlap
            var read = await body.ReadAsync(buffer, cancellationToken);
            Interlocked.Add(ref store.bytesRead, read);
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && !isClosed)
            {
                isClosed = true;
                body.Dispose();
                Interlocked.Decrement(ref store.open);
            }

            base.Dispose(disposing);
        }
    }
}
