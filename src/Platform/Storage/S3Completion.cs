using System.Security.Cryptography;
using Amazon.S3;
using Amazon.S3.Model;

namespace Platform.Storage;

/// <summary>Completes one multipart upload. "Complete" is only said once a look at the object agrees.</summary>
internal sealed class S3Completion(S3ObjectStorage storage, AmazonS3Client client, MultipartUpload upload, IReadOnlyList<StoredPart> parts)
{
    public async Task<StoredObject> RunAsync(S3Options options, CancellationToken cancellationToken)
    {
        if (options.EqualParts && parts.SkipLast(1).Any(part => part.SizeBytes != parts[0].SizeBytes || part.SizeBytes < parts[^1].SizeBytes))
        {
            throw new StorageException(StorageError.PartsRefused, $"{upload.Key}: this store wants parts of one size, the last no larger (Storage__S3__EqualParts).");
        }

        var request = new CompleteMultipartUploadRequest
        {
            BucketName = options.Bucket,
            Key = upload.Key,
            UploadId = upload.Id,
            PartETags =
            [
                .. parts.Select(part => new PartETag(part.Number, S3ObjectStorage.Quoted(part.ETag))
                {
                    ChecksumCRC32 = part.Crc32 is { } crc32 ? StoredPart.TextOf(crc32) : null,
                }),
            ],
        };
        return await storage.CallAsync(
            upload,
            null,
            async (attempt, cancel) =>
            {
                // The attempt before may have done it and lost its answer; and Ceph answers 500 where the upload is gone.
                if (attempt > 1 && await IsGoneAsync(cancel))
                {
                    return await VerifyAsync(StorageError.MultipartNotFound, cancel);
                }

                try
                {
                    await client.CompleteMultipartUploadAsync(request, cancel);
                }
                catch (AmazonS3Exception e) when (e.ErrorCode == "NoSuchUpload")
                {
                    // HttpClient, too, sends a request again whose connection was closed.
                    return await VerifyAsync(StorageError.MultipartNotFound, cancel);
                }

                return await VerifyAsync(StorageError.PartsRefused, cancel);
            },
            cancellationToken);
    }

    private async Task<bool> IsGoneAsync(CancellationToken cancellationToken)
    {
        try
        {
            await storage.ListPartsAsync(upload, cancellationToken);
            return false;
        }
        catch (StorageException e) when (e.Error == StorageError.MultipartNotFound)
        {
            return true;
        }
    }

    /// <summary>
    /// Looks at what was completed: its size, and its ETag where those of the parts are MD5s, which S3 then composes. Only such an ETag
    /// proves that an object was made by an upload that is gone.
    /// </summary>
    private async Task<StoredObject> VerifyAsync(StorageError otherwise, CancellationToken cancellationToken)
    {
        var stored = await storage.HeadAsync(upload.Key, cancellationToken);
        var isMD5 = parts.All(part => part.ETag.Length == 32 && part.ETag.All(char.IsAsciiHexDigit));
        return stored is not null
            && stored.SizeBytes == parts.Sum(part => part.SizeBytes)
            && (isMD5 ? stored.ETag.Equals(ComposeETag(), StringComparison.OrdinalIgnoreCase) : otherwise != StorageError.MultipartNotFound)
            ? stored
            : throw new StorageException(otherwise, $"{upload.Key} is not what the parts of upload {upload.Id} make: {stored?.ToString() ?? "nothing"}.");
    }

    private string ComposeETag()
    {
        using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        foreach (var part in parts)
        {
            md5.AppendData(Convert.FromHexString(part.ETag));
        }

        return $"{Convert.ToHexStringLower(md5.GetHashAndReset())}-{parts.Count}";
    }
}
