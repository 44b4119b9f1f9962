using Platform.Storage;

namespace Testing;

/// <summary>A store before another one, to which every call is passed on: what a test or a bench looks at, it overrides.</summary>
public abstract class PassedOnObjectStorage(IObjectStorage inner) : IObjectStorage
{
    public bool CopiesAreSound => inner.CopiesAreSound;

    public long Throttled => inner.Throttled;

    public virtual Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken) =>
        inner.ReadAsync(key, range, ifMatch, cancellationToken);

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

    public Task<MultipartUpload> BeginCheckedMultipartAsync(string key, string contentType, CancellationToken cancellationToken) =>
        inner.BeginCheckedMultipartAsync(key, contentType, cancellationToken);

    public Task<MultipartUpload> BeginRebuildableMultipartAsync(string key, string contentType, CancellationToken cancellationToken) =>
        inner.BeginRebuildableMultipartAsync(key, contentType, cancellationToken);

    public virtual Task<StoredPart> PutPartAsync(MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken) =>
        inner.PutPartAsync(upload, part, body, cancellationToken);

    public virtual Task<StoredPart> CopyPartAsync(
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

    public Uri? PresignPart(MultipartUpload upload, PartSlot part, TimeSpan lifetime, uint? crc32) =>
        inner.PresignPart(upload, part, lifetime, crc32);

    public Uri? PresignDownload(string key, TimeSpan lifetime, string fileName) => inner.PresignDownload(key, lifetime, fileName);

    public PresignedPut? PresignPut(string key, ObjectHeaders headers, ReadOnlyMemory<byte> sha256, TimeSpan lifetime) =>
        inner.PresignPut(key, headers, sha256, lifetime);
}
