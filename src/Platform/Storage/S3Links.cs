using System.Buffers.Binary;
using Amazon.S3;
using Amazon.S3.Model;

namespace Platform.Storage;

/// <summary>Requests that anybody may send who has them: signed, for one object and a while.</summary>
internal sealed class S3Links(AmazonS3Client client, S3Options options, TimeProvider clock)
{
    // The store checks the bytes against it, and keeps it (AWS: "Checking object integrity"; R2 takes SHA-256 too).
    private const string Sha256Header = "x-amz-checksum-sha256";

    public Uri Download(string key, TimeSpan lifetime, string fileName)
    {
        var request = Begin(key, HttpVerb.GET, lifetime);
        request.ResponseHeaderOverrides.ContentDisposition = $"attachment; filename*=UTF-8''{Uri.EscapeDataString(fileName)}";
        return new Uri(client.GetPreSignedURL(request));
    }

    public Uri Part(MultipartUpload upload, PartSlot part, TimeSpan lifetime, uint? crc32)
    {
        var request = Begin(upload.Key, HttpVerb.PUT, lifetime);
        request.UploadId = upload.Id;
        request.PartNumber = part.Number;
        request.Headers.ContentLength = part.SizeBytes;
        if (crc32 is { } checksum)
        {
            request.Headers[StoredPart.Crc32Header] = StoredPart.TextOf(checksum);
        }

        return new Uri(client.GetPreSignedURL(request));
    }

    public PresignedPut Put(string key, ObjectHeaders headers, ReadOnlyMemory<byte> sha256, TimeSpan lifetime)
    {
        var request = Begin(key, HttpVerb.PUT, lifetime);
        var signed = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = headers.ContentType,
            [Sha256Header] = Convert.ToBase64String(sha256.Span),
        };
        if (headers.CacheControl is { } cacheControl)
        {
            signed["Cache-Control"] = cacheControl;
        }

        foreach (var (name, value) in signed)
        {
            request.Headers[name] = value;
        }

        return new PresignedPut(new Uri(client.GetPreSignedURL(request)), signed);
    }

    /// <summary>A part as the store lists it.</summary>
    internal static StoredPart Listed(PartDetail part) => new(part.PartNumber ?? 0, S3ObjectStorage.Unquoted(part.ETag), part.Size ?? 0)
    {
        Crc32 = part.ChecksumCRC32 is { Length: > 0 } checksum ? BinaryPrimitives.ReadUInt32BigEndian(Convert.FromBase64String(checksum)) : null,
    };

    internal static string? Sha256Of(GetObjectMetadataResponse found) =>
        found.ChecksumSHA256 is { Length: > 0 } checksum && found.ChecksumType != ChecksumType.COMPOSITE
            ? Convert.ToHexStringLower(Convert.FromBase64String(checksum))
            : null;

    private GetPreSignedUrlRequest Begin(string key, HttpVerb verb, TimeSpan lifetime)
    {
        ObjectKey.Check(key);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lifetime, TimeSpan.FromDays(7));
        return new GetPreSignedUrlRequest
        {
            BucketName = options.Bucket,
            Key = key,
            Verb = verb,
            Protocol = options.IsTls ? Protocol.HTTPS : Protocol.HTTP,
            Expires = (clock.GetUtcNow() + lifetime).UtcDateTime,
        };
    }
}
