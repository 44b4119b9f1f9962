using Amazon.S3;
using Amazon.S3.Model;

namespace Platform.Storage;

/// <summary>Fills one part from a range of an object in the same bucket. It counts once a look at the source agrees.</summary>
internal sealed class S3Copy(S3ObjectStorage storage, AmazonS3Client client, S3Faults faults, MultipartUpload upload, PartSlot part)
{
    // The ETag of no bytes. A store that does not know UploadPartCopy takes it for an UploadPart without a body.
    private const string MD5OfNothing = "d41d8cd98f00b204e9800998ecf8427e";

    public async Task<StoredPart> RunAsync(
        string bucket, string sourceKey, long sourceOffsetBytes, string sourceETag, CancellationToken cancellationToken)
    {
        var request = new CopyPartRequest
        {
            SourceBucket = bucket,
            SourceKey = sourceKey,
            DestinationBucket = bucket,
            DestinationKey = upload.Key,
            UploadId = upload.Id,
            PartNumber = part.Number,
            FirstByte = sourceOffsetBytes,
            LastByte = sourceOffsetBytes + part.SizeBytes - 1,
        };
        CopyPartResponse copied;
        try
        {
            copied = await faults.CallAsync(sourceKey, null, (_, cancel) => client.CopyPartAsync(request, cancel), cancellationToken);
        }
        catch (StorageException e) when (e.Error == StorageError.NotFound)
        {
            // The source or the upload: who takes the one for the other leaves a file out.
            throw await storage.HeadAsync(sourceKey, cancellationToken) is null ? e : S3ObjectStorage.Gone(upload, e);
        }

        // R2 refuses x-amz-copy-source-if-match and Ceph overlooks it. What the source is after the copy, it was during the copy.
        if ((await storage.HeadAsync(sourceKey, cancellationToken))?.ETag != sourceETag)
        {
            throw new StorageException(StorageError.PreconditionFailed, $"{sourceKey} was replaced: its ETag is not {sourceETag}.");
        }

        var etag = S3ObjectStorage.Given(copied.ETag, sourceKey);
        return etag is MD5OfNothing
            ? throw new StorageException(StorageError.Unavailable, $"{sourceKey}: the store copied nothing.")
            : new StoredPart(part.Number, etag, part.SizeBytes);
    }

    /// <summary>Copies a whole object of at most 5 GiB, with headers of its own.</summary>
    public static async Task CopyWholeAsync(
        AmazonS3Client client, S3Faults faults, string bucket, (string Source, string Target) keys, ObjectHeaders headers, CancellationToken cancellationToken)
    {
        ObjectKey.Check(keys.Source);
        ObjectKey.Check(keys.Target);
        var request = new CopyObjectRequest
        {
            SourceBucket = bucket,
            SourceKey = keys.Source,
            DestinationBucket = bucket,
            DestinationKey = keys.Target,
            MetadataDirective = S3MetadataDirective.REPLACE,
            ContentType = headers.ContentType,
        };
        if (headers.CacheControl is { } cacheControl)
        {
            request.Headers.CacheControl = cacheControl;
        }

        await faults.CallAsync(keys.Source, null, (_, cancel) => client.CopyObjectAsync(request, cancel), cancellationToken);
    }
}
