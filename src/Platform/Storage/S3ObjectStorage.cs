using Amazon.S3;
using Amazon.S3.Model;

namespace Platform.Storage;

/// <summary>
/// A bucket of an S3 store: Cloudflare R2, AWS, Ceph and others. Bodies go out as they come in, unbuffered; over plain http, where a payload
/// must be signed, only bodies that can seek.
/// </summary>
public sealed class S3ObjectStorage(S3Options options, TimeProvider clock) : IStore, IDisposable
{
    private readonly S3Client client = new(options);
    private readonly S3Faults faults = new(options.StallLimit, clock);
    private readonly bool isTls = options.IsTls;

    public bool CopiesAreSound => true;

    public long Throttled => faults.Throttled;

    public async Task<StoredObject?> HeadAsync(string key, CancellationToken cancellationToken)
    {
        ObjectKey.Check(key);
        try
        {
            var request = new GetObjectMetadataRequest { BucketName = options.Bucket, Key = key, ChecksumMode = ChecksumMode.ENABLED };
            var found = await faults.CallAsync(key, null, (_, cancel) => client.GetObjectMetadataAsync(request, cancel), cancellationToken);
            return new StoredObject(key, found.ContentLength, Unquoted(found.ETag), ToUtc(found.LastModified))
            {
                Sha256 = S3Links.Sha256Of(found),
            };
        }
        catch (StorageException e) when (e.Error == StorageError.NotFound)
        {
            return null;
        }
    }

    public async Task<ObjectPage> ListAsync(string prefix, string? continuation, CancellationToken cancellationToken)
    {
        var request = new ListObjectsV2Request { BucketName = options.Bucket, Prefix = prefix, ContinuationToken = continuation, MaxKeys = 1000 };
        var page = await faults.CallAsync(
            options.Bucket, null, (_, cancel) => client.ListObjectsV2Async(request, cancel), cancellationToken);
        var objects = (page.S3Objects ?? []).Select(found =>
            new StoredObject(found.Key, found.Size ?? 0, Unquoted(found.ETag), ToUtc(found.LastModified)));
        return page.IsTruncated == true && string.IsNullOrEmpty(page.NextContinuationToken)
            ? throw WithoutNext(options.Bucket)
            : new ObjectPage([.. objects], page.IsTruncated == true ? page.NextContinuationToken : null);
    }

    public async Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken)
    {
        ObjectKey.Check(key);
        var first = await OpenAsync(range, ifMatch, cancellationToken);
        return new S3ObjectStream(
            key,
            first,
            range ?? new ByteRange(0, first.ContentLength),
            (rest, etag, cancel) => OpenAsync(rest, etag, cancel),
            options.StallLimit,
            clock);

        Task<GetObjectResponse> OpenAsync(ByteRange? wanted, string? etag, CancellationToken cancel)
        {
            var request = new GetObjectRequest
            {
                BucketName = options.Bucket,
                Key = key,
                EtagToMatch = etag is null ? null : Quoted(etag),
                ByteRange = wanted is { } bytes ? new Amazon.S3.Model.ByteRange(bytes.OffsetBytes, bytes.EndBytes - 1) : null,
            };
            return faults.CallAsync(key, null, (_, token) => GetAsync(request, wanted, etag, token), cancel);
        }
    }

    // A server may cut a range at the end of the object, or ignore it (RFC 9110 §14.2), and a cache may overlook a condition: those would be
    // other bytes. Only where the ETag says that it is the right object is another try worth it.
    private async Task<GetObjectResponse> GetAsync(GetObjectRequest request, ByteRange? range, string? etag, CancellationToken cancellationToken)
    {
        var answer = await client.GetObjectAsync(request, cancellationToken);
        var isTheObject = etag is not null && Unquoted(answer.ETag) == etag;
        if ((range is null || answer.ContentLength == range.Value.SizeBytes) && (etag is null || isTheObject))
        {
            return answer;
        }

        answer.Dispose();
        var message = $"{request.Key}: the store gave {answer.ContentLength} bytes of {answer.ETag} for {range} of {etag}.";
        throw isTheObject ? new IOException(message) : new StorageException(StorageError.PreconditionFailed, message);
    }

    public async Task<StoredObject> PutAsync(
        string key, Stream body, long sizeBytes, string contentType, CancellationToken cancellationToken)
    {
        ObjectKey.Check(key);
        await using var sent = new S3Body(body, sizeBytes);
        var stored = await faults.CallAsync(
            key,
            sent,
            (_, cancel) => client.PutObjectAsync(
                new PutObjectRequest
                {
                    BucketName = options.Bucket,
                    Key = key,
                    ContentType = contentType,
                    InputStream = sent,
                    Headers = { ContentLength = sizeBytes },
                    AutoCloseStream = false,
                    AutoResetStreamPosition = false,
                    DisablePayloadSigning = isTls,
                    DisableDefaultChecksumValidation = isTls,
                    UseChunkEncoding = false,
                },
                cancel),
            cancellationToken);

        // The answer has no time of its own; HEAD tells the store's.
        return new StoredObject(key, sizeBytes, Given(stored.ETag, key), clock.GetUtcNow());
    }

    public async Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        ObjectKey.Check(key);
        var request = new DeleteObjectRequest { BucketName = options.Bucket, Key = key };
        await faults.CallAsync(key, null, (_, cancel) => client.DeleteObjectAsync(request, cancel), cancellationToken);
    }

    public Task<MultipartUpload> BeginMultipartAsync(string key, string contentType, CancellationToken cancellationToken) =>
        BeginAsync(new() { BucketName = options.Bucket, Key = key, ContentType = contentType }, cancellationToken);

    // AWS refuses a part with a checksum whose upload was begun without, and one without where it was begun with.
    public Task<MultipartUpload> BeginCheckedMultipartAsync(string key, string contentType, CancellationToken cancellationToken) => BeginAsync(
        new() { BucketName = options.Bucket, Key = key, ContentType = contentType, ChecksumAlgorithm = ChecksumAlgorithm.CRC32 }, cancellationToken);

    private async Task<MultipartUpload> BeginAsync(InitiateMultipartUploadRequest request, CancellationToken cancellationToken)
    {
        var key = request.Key;
        ObjectKey.Check(key);
        var begun = await faults.CallAsync(
            key, null, (_, cancel) => client.InitiateMultipartUploadAsync(request, cancel), cancellationToken);
        return new MultipartUpload(key, Given(begun.UploadId, key));
    }

    public async Task<StoredPart> PutPartAsync(MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken)
    {
        if (!isTls && body is ComposedBody)
        {
            return await S3Composition.PutGatheredAsync(this, upload, part, body, cancellationToken);
        }

        await using var sent = new S3Body(body, part.SizeBytes);
        var stored = await CallAsync(
            upload,
            sent,
            (_, cancel) => client.UploadPartAsync(
                new UploadPartRequest
                {
                    BucketName = options.Bucket,
                    Key = upload.Key,
                    UploadId = upload.Id,
                    PartNumber = part.Number,
                    PartSize = part.SizeBytes,
                    InputStream = sent,
                    DisablePayloadSigning = isTls,
                    DisableDefaultChecksumValidation = isTls,
                    UseChunkEncoding = false,
                },
                cancel),
            cancellationToken);
        return new StoredPart(part.Number, Given(stored.ETag, upload.Key), part.SizeBytes);
    }

    public Task<StoredPart> CopyPartAsync(
        MultipartUpload upload, PartSlot part, string sourceKey, long sourceOffsetBytes, string sourceETag, CancellationToken cancellationToken) =>
        new S3Copy(this, client, faults, upload, part).RunAsync(options.Bucket, sourceKey, sourceOffsetBytes, sourceETag, cancellationToken);

    public async Task<IReadOnlyList<StoredPart>> ListPartsAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        var parts = new List<StoredPart>();
        var request = new ListPartsRequest { BucketName = options.Bucket, Key = upload.Key, UploadId = upload.Id, MaxParts = 1000 };
        while (true)
        {
            var page = await CallAsync(upload, null, (_, cancel) => client.ListPartsAsync(request, cancel), cancellationToken);
            parts.AddRange((page.Parts ?? []).Select(S3Links.Listed));
            if (page.IsTruncated != true)
            {
                return parts;
            }

            // Without a marker the first page would come again.
            var next = page.NextPartNumberMarker ?? throw WithoutNext(upload.Key);
            request.PartNumberMarker = next.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    public Task<StoredObject> CompleteMultipartAsync(
        MultipartUpload upload, IReadOnlyList<StoredPart> parts, CancellationToken cancellationToken) =>
        new S3Completion(this, client, upload, parts).RunAsync(options, cancellationToken);

    public async Task<MultipartPage> ListMultipartsAsync(string prefix, string? continuation, CancellationToken cancellationToken)
    {
        // No key has a line feed.
        var marker = continuation?.Split('\n');
        var request = new ListMultipartUploadsRequest
        {
            BucketName = options.Bucket,
            Prefix = prefix,
            MaxUploads = 1000,
            KeyMarker = marker?[0],
            UploadIdMarker = marker?[1],
        };
        var page = await faults.CallAsync(options.Bucket, null, (_, cancel) => client.ListMultipartUploadsAsync(request, cancel), cancellationToken);
        return new MultipartPage(
            [.. (page.MultipartUploads ?? []).Select(found => new PendingMultipart(new(found.Key, found.UploadId), ToUtc(found.Initiated)))],
            page.IsTruncated != true ? null
                : string.IsNullOrEmpty(page.NextKeyMarker) ? throw WithoutNext(options.Bucket)
                : $"{page.NextKeyMarker}\n{page.NextUploadIdMarker}");
    }

    public async Task AbortMultipartAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        var request = new AbortMultipartUploadRequest { BucketName = options.Bucket, Key = upload.Key, UploadId = upload.Id };
        try
        {
            await faults.CallAsync(upload.Key, null, (_, cancel) => client.AbortMultipartUploadAsync(request, cancel), cancellationToken);
        }
        catch (StorageException e) when (e.Error is StorageError.MultipartNotFound or StorageError.NotFound)
        {
            // Gone is what was asked for.
        }
    }

    public Task CopyAsync(string sourceKey, string key, ObjectHeaders headers, CancellationToken cancellationToken) =>
        S3Copy.CopyWholeAsync(client, faults, options.Bucket, (sourceKey, key), headers, cancellationToken);

    public Uri? PresignDownload(string key, TimeSpan lifetime, string fileName) => new S3Links(client, options, clock).Download(key, lifetime, fileName);

    public Uri? PresignPart(MultipartUpload upload, PartSlot part, TimeSpan lifetime, uint? crc32) =>
        new S3Links(client, options, clock).Part(upload, part, lifetime, crc32);

    public PresignedPut? PresignPut(string key, ObjectHeaders headers, ReadOnlyMemory<byte> sha256, TimeSpan lifetime) =>
        new S3Links(client, options, clock).Put(key, headers, sha256, lifetime);

    Task IStore.CheckAsync(CancellationToken cancellationToken) => S3Check.RunAsync(client, faults, options, cancellationToken);

    public void Dispose() => client.Dispose();

    /// <summary>A call about an upload: what is not found is the upload, whatever the store calls it (Ceph says NoSuchKey).</summary>
    internal async Task<T> CallAsync<T>(
        MultipartUpload upload, S3Body? body, Func<int, CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await faults.CallAsync(upload.Key, body, call, cancellationToken);
        }
        catch (StorageException e) when (e.Error == StorageError.NotFound)
        {
            throw Gone(upload, e);
        }
    }

    internal static StorageException Gone(MultipartUpload upload, Exception e) =>
        new(StorageError.MultipartNotFound, $"There is no multipart upload {upload.Id} of {upload.Key}.", e);

    internal static string Unquoted(string? etag) => etag?.Trim('"') ?? "";

    internal static string Quoted(string etag) => $"\"{etag}\"";

    // What would be recorded without it could never be completed.
    internal static string Given(string? name, string key) => Unquoted(name) is { Length: > 0 } given
        ? given
        : throw new StorageException(StorageError.Unavailable, $"{key}: the store's answer is not complete.");

    private static StorageException WithoutNext(string what) =>
        new(StorageError.Unavailable, $"{what}: the store's list is truncated and does not say where it goes on.");

    private static DateTimeOffset ToUtc(DateTime? time) => time?.ToUniversalTime() ?? default(DateTimeOffset);
}
