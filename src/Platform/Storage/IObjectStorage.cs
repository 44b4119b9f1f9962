using System.Buffers.Binary;

namespace Platform.Storage;

/// <summary>
/// S3's model of storage, as far as this product uses it. Every implementation passes the same conformance suite.
/// All methods throw <see cref="StorageException"/>; transient faults are retried inside, within bounds.
/// ETags are opaque, unquoted and change whenever the bytes do.
/// </summary>
public interface IObjectStorage
{
    /// <summary>
    /// What the store copies inside is sound: it keeps checksums of its own and looks at them whenever it reads. Where it does not, only whoever
    /// reads the bytes finds out that a disk has damaged them.
    /// </summary>
    bool CopiesAreSound { get; }

    /// <summary>How often the store has said, to anybody in this process, that it is asked for too much. It only ever grows.</summary>
    long Throttled { get; }

    /// <summary>Metadata of an object, or <see langword="null"/> where there is none.</summary>
    Task<StoredObject?> HeadAsync(string key, CancellationToken cancellationToken);

    /// <summary>One page of at most 1,000 objects whose keys begin with <paramref name="prefix"/>, in ordinal order of UTF-8 bytes.</summary>
    /// <param name="prefix">May be empty.</param>
    /// <param name="continuation"><see cref="ObjectPage.Continuation"/> of the page before; <see langword="null"/> for the first.</param>
    Task<ObjectPage> ListAsync(string prefix, string? continuation, CancellationToken cancellationToken);

    /// <summary>Opens an object, or a range of it. The caller disposes what it gets; reading it may throw <see cref="StorageException"/>.</summary>
    /// <param name="range">Within the object and not empty; <see langword="null"/> for the whole object.</param>
    /// <param name="ifMatch">The ETag the object must still have, else <see cref="StorageError.PreconditionFailed"/>.</param>
    Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken);

    /// <summary>Stores an object in one go. It becomes visible whole or not at all, replacing what was there.</summary>
    /// <param name="body">Read once from its position, not disposed.</param>
    /// <param name="sizeBytes">Exactly what <paramref name="body"/> yields, else <see cref="StorageError.BodySizeMismatch"/>.</param>
    Task<StoredObject> PutAsync(string key, Stream body, long sizeBytes, string contentType, CancellationToken cancellationToken);

    /// <summary>
    /// Copies an object of at most 5 GiB inside the store, replacing what was under <paramref name="key"/>. It becomes visible whole or not at
    /// all. <see cref="StorageError.NotFound"/> where there is no source.
    /// </summary>
    Task CopyAsync(string sourceKey, string key, ObjectHeaders headers, CancellationToken cancellationToken);

    /// <summary>Deletes an object. Deleting what is not there succeeds.</summary>
    Task DeleteAsync(string key, CancellationToken cancellationToken);

    /// <summary>Begins a multipart upload and returns its handle, which <see cref="MultipartUpload.Id"/> rebuilds in another process.</summary>
    Task<MultipartUpload> BeginMultipartAsync(string key, string contentType, CancellationToken cancellationToken);

    /// <summary>
    /// As <see cref="BeginMultipartAsync"/>, for parts that are sent by links which have their CRC-32. A store that checks them says so in
    /// <see cref="StoredPart.Crc32"/>.
    /// </summary>
    Task<MultipartUpload> BeginCheckedMultipartAsync(string key, string contentType, CancellationToken cancellationToken) =>
        BeginMultipartAsync(key, contentType, cancellationToken);

    /// <summary>
    /// As <see cref="BeginMultipartAsync"/>, for an object that can be made again from what is durable: the store need not wait for its disk.
    /// Parts and object outlive this process, but where the machine fails before the bytes are on its disk, both are unknown afterwards.
    /// Nothing else may write the same key at the same time.
    /// </summary>
    Task<MultipartUpload> BeginRebuildableMultipartAsync(string key, string contentType, CancellationToken cancellationToken) =>
        BeginMultipartAsync(key, contentType, cancellationToken);

    /// <summary>
    /// Stores one part, replacing an earlier one of that number. A part whose body is cut off leaves the earlier one as it was, or gone:
    /// record an invalidation before sending a number again.
    /// </summary>
    /// <param name="body">Read once from its position, not disposed.</param>
    Task<StoredPart> PutPartAsync(MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken);

    /// <summary>Fills a part from a range of an object without moving bytes through this process.</summary>
    /// <param name="sourceETag">The source must still have it, else <see cref="StorageError.PreconditionFailed"/>.</param>
    Task<StoredPart> CopyPartAsync(
        MultipartUpload upload, PartSlot part, string sourceKey, long sourceOffsetBytes, string sourceETag, CancellationToken cancellationToken);

    /// <summary>All parts stored so far, by number. <see cref="StorageError.MultipartNotFound"/> where the upload is gone.</summary>
    Task<IReadOnlyList<StoredPart>> ListPartsAsync(MultipartUpload upload, CancellationToken cancellationToken);

    /// <summary>
    /// Makes the object from exactly these parts, in this order, and returns it after a look at the result (size, and ETag where the
    /// store's rule is known). <see cref="StorageError.MultipartNotFound"/> also where it was completed before: HEAD decides.
    /// </summary>
    Task<StoredObject> CompleteMultipartAsync(MultipartUpload upload, IReadOnlyList<StoredPart> parts, CancellationToken cancellationToken);

    /// <summary>One page of at most 1,000 multipart uploads under way whose keys begin with <paramref name="prefix"/>, in no order to rely on.</summary>
    /// <param name="continuation"><see cref="MultipartPage.Continuation"/> of the page before; <see langword="null"/> for the first.</param>
    Task<MultipartPage> ListMultipartsAsync(string prefix, string? continuation, CancellationToken cancellationToken);

    /// <summary>Discards a multipart upload and its parts. Aborting what is not there succeeds.</summary>
    Task AbortMultipartAsync(MultipartUpload upload, CancellationToken cancellationToken);

    /// <summary>
    /// A link that stores one part by PUT without further authorisation, if its body has exactly that size; <see langword="null"/> where the
    /// store has none (a folder).
    /// </summary>
    /// <param name="lifetime">At most 7 days.</param>
    /// <param name="crc32">
    /// Of the bytes, where the upload was begun by <see cref="BeginCheckedMultipartAsync"/>. It is to be sent as <see cref="StoredPart.Crc32Header"/>, in Base64.
    /// </param>
    Uri? PresignPart(MultipartUpload upload, PartSlot part, TimeSpan lifetime, uint? crc32);

    /// <summary>A link that downloads the object without further authorisation; <see langword="null"/> where the store has none (a folder).</summary>
    /// <param name="lifetime">At most 7 days.</param>
    /// <param name="fileName">Name the browser saves it under.</param>
    Uri? PresignDownload(string key, TimeSpan lifetime, string fileName);

    /// <summary>
    /// A request that stores an object of at most 5 GiB without further authorisation; <see langword="null"/> where the store has none (a folder).
    /// Stores that know SHA-256 refuse other bytes and say so afterwards in <see cref="StoredObject.Sha256"/>.
    /// </summary>
    /// <param name="sha256">Of the bytes, 32 of them.</param>
    /// <param name="lifetime">At most 7 days.</param>
    PresignedPut? PresignPut(string key, ObjectHeaders headers, ReadOnlyMemory<byte> sha256, TimeSpan lifetime);
}

/// <summary>An object as the store describes it.</summary>
public sealed record StoredObject(string Key, long SizeBytes, string ETag, DateTimeOffset ModifiedAt)
{
    /// <summary>SHA-256 of the bytes in lower-case hex, where HEAD was asked and the store checked it when they came.</summary>
    public string? Sha256 { get; init; }
}

/// <summary>What a store sends along with an object. A folder keeps none of it.</summary>
public sealed record ObjectHeaders(string ContentType, string? CacheControl = null);

/// <summary>A PUT that anybody may send, as long as it has exactly these headers.</summary>
public sealed record PresignedPut(Uri Url, IReadOnlyDictionary<string, string> Headers);

/// <param name="Continuation"><see langword="null"/> on the last page.</param>
public sealed record ObjectPage(IReadOnlyList<StoredObject> Objects, string? Continuation);

/// <summary>Bytes from <paramref name="OffsetBytes"/> on, <paramref name="SizeBytes"/> many.</summary>
public readonly record struct ByteRange(long OffsetBytes, long SizeBytes)
{
    public long EndBytes => OffsetBytes + SizeBytes;
}

/// <summary>A multipart upload under way. <paramref name="Id"/> is the store's.</summary>
public sealed record MultipartUpload(string Key, string Id);

/// <param name="Continuation"><see langword="null"/> on the last page.</param>
public sealed record MultipartPage(IReadOnlyList<PendingMultipart> Uploads, string? Continuation);

/// <summary>A multipart upload that was neither completed nor aborted.</summary>
public sealed record PendingMultipart(MultipartUpload Upload, DateTimeOffset BegunAt);

/// <summary>Where a part lies in the finished object.</summary>
/// <param name="Number">From 1 to 10,000.</param>
/// <param name="OffsetBytes">Sum of the sizes of all parts before it. The folder store writes it there at once; S3 ignores it.</param>
/// <param name="SizeBytes">S3: at least 5 MiB but for the last part; R2: all equal but the last.</param>
public readonly record struct PartSlot(int Number, long OffsetBytes, long SizeBytes);

/// <summary>A part the store has acknowledged.</summary>
public sealed record StoredPart(int Number, string ETag, long SizeBytes)
{
    public const string Crc32Header = "x-amz-checksum-crc32";

    /// <summary>Of the bytes, where the store itself has checked it and says so when its parts are listed. Completion passes it back.</summary>
    public uint? Crc32 { get; init; }

    /// <summary>As S3 writes it: Base64 of its four bytes in network order.</summary>
    public static string TextOf(uint crc32)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, crc32);
        return Convert.ToBase64String(bytes);
    }
}
