using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Platform.Storage;

namespace Testing;

internal sealed class R2Refusal(int status, string code) : Exception
{
    public int Status => status;

    public string Code => code;
}

internal sealed record R2Answer(int Status, Dictionary<string, string> Headers, Stream? Body, long SizeBytes)
{
    public static R2Answer Empty(int status, params (string Name, string Value)[] headers) =>
        new(status, headers.ToDictionary(header => header.Name, header => header.Value), null, 0);

    public static R2Answer Xml(string root, params object?[] content)
    {
        var bytes = Encoding.UTF8.GetBytes(new XElement(root, content).ToString(SaveOptions.DisableFormatting));
        return new R2Answer(200, new() { ["Content-Type"] = "application/xml" }, new MemoryStream(bytes), bytes.Length);
    }
}

/// <summary>The operations of an <see cref="R2StrictServer"/>. Bytes are in a folder store, S3's ETags (MD5) beside it in memory.</summary>
internal sealed class R2StrictBucket(string folder, TimeProvider clock)
{
    private const int LeastPartBytes = 5 << 20;
    private const int MostParts = 10_000;
    private const string Checksum = "x-amz-checksum-sha256";
    private const string PartChecksum = "x-amz-checksum-crc32";

    // Far enough apart for every part of a test; the folder store leaves holes and puts the object together at completion.
    private const long SlotBytes = 1 << 30;

    private static readonly TimeSpan WritePause = TimeSpan.FromSeconds(1);

    private readonly FolderObjectStorage files = new(folder, TimeProvider.System);
    private readonly ConcurrentDictionary<string, (string ETag, string FileETag)> objects = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<int, (StoredPart Part, StoredPart File)>> uploads = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> isChecked = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Dictionary<string, string>> sentAlong = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, DateTimeOffset> writtenAt = new(StringComparer.Ordinal);

    public async Task<R2Answer> DoAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        // The path as it was sent: the framework leaves %2F as it is.
        var target = request.HttpContext.Features.Get<IHttpRequestFeature>()!.RawTarget.Split('?')[0].Split('/', 3);
        var key = Uri.UnescapeDataString(target.ElementAtOrDefault(2) ?? "");
        var query = request.Query;
        var uploadId = query["uploadId"].ToString();
        try
        {
            return (request.Method, query.ContainsKey("uploads"), uploadId.Length > 0, key.Length > 0) switch
            {
                ("GET", true, false, false) => await ListUploadsAsync(query["prefix"].ToString(), cancellationToken),
                ("GET", _, false, false) => await ListAsync(request, query["prefix"].ToString(), query["continuation-token"], cancellationToken),
                ("HEAD", _, _, true) => await HeadAsync(key, cancellationToken),
                ("GET", _, false, true) => await GetAsync(request, key, cancellationToken),
                ("PUT", _, false, true) => await PutAsync(request, key, cancellationToken),
                ("DELETE", _, false, true) => await DeleteAsync(key, cancellationToken),
                ("POST", true, _, true) => await BeginAsync(request, key, cancellationToken),
                ("PUT", _, true, true) => await PutPartAsync(request, key, uploadId, cancellationToken),
                ("GET", _, true, true) => ListParts(request, key, uploadId),
                ("POST", _, true, true) => await CompleteAsync(request, key, uploadId, cancellationToken),
                ("DELETE", _, true, true) => await AbortAsync(key, uploadId, cancellationToken),
                _ => throw new R2Refusal(501, "NotImplemented"),
            };
        }
        catch (StorageException e)
        {
            throw e.Error switch
            {
                StorageError.NotFound => new R2Refusal(404, "NoSuchKey"),
                StorageError.MultipartNotFound => new R2Refusal(404, "NoSuchUpload"),
                StorageError.PreconditionFailed => new R2Refusal(412, "PreconditionFailed"),
                StorageError.PartsRefused => new R2Refusal(400, "InvalidPart"),
                StorageError.BodySizeMismatch => new R2Refusal(400, "IncompleteBody"),
                _ => new R2Refusal(400, "InvalidArgument"),
            };
        }
    }

    private async Task<R2Answer> ListAsync(HttpRequest request, string prefix, string? continuation, CancellationToken cancellationToken)
    {
        var page = await files.ListAsync(prefix, continuation is { Length: > 0 } ? Encoding.UTF8.GetString(Convert.FromBase64String(continuation)) : null, cancellationToken);
        var shown = page.Objects.Take(Most(request, "max-keys")).ToList();
        var last = shown.Count < page.Objects.Count ? shown[^1].Key : page.Continuation;
        return R2Answer.Xml(
            "ListBucketResult",
            new XElement("IsTruncated", last is not null),
            last is not null ? new XElement("NextContinuationToken", Convert.ToBase64String(Encoding.UTF8.GetBytes(last))) : null,
            shown.Select(found => new XElement(
                "Contents",
                new XElement("Key", found.Key),
                new XElement("Size", found.SizeBytes),
                new XElement("ETag", Quoted(objects[found.Key].ETag)),
                new XElement("LastModified", found.ModifiedAt))));
    }

    private async Task<R2Answer> ListUploadsAsync(string prefix, CancellationToken cancellationToken)
    {
        var pending = await files.ListMultipartsAsync(prefix, null, cancellationToken);
        return R2Answer.Xml(
            "ListMultipartUploadsResult",
            new XElement("IsTruncated", false),
            pending.Uploads.Select(found => new XElement(
                "Upload",
                new XElement("Key", found.Upload.Key),
                new XElement("UploadId", found.Upload.Id),
                new XElement("Initiated", found.BegunAt))));
    }

    private async Task<R2Answer> HeadAsync(string key, CancellationToken cancellationToken)
    {
        var stored = await files.HeadAsync(key, cancellationToken) ?? throw new R2Refusal(404, "NotFound");
        var headers = new Dictionary<string, string>(sentAlong[key]) { ["ETag"] = Quoted(objects[key].ETag), ["Last-Modified"] = stored.ModifiedAt.ToString("R") };
        return new R2Answer(200, headers, null, stored.SizeBytes);
    }

    private async Task<R2Answer> GetAsync(HttpRequest request, string key, CancellationToken cancellationToken)
    {
        var stored = await files.HeadAsync(key, cancellationToken) ?? throw new R2Refusal(404, "NoSuchKey");
        var etag = Quoted(objects[key].ETag);
        if (request.Headers.IfMatch is [{ } wanted] && wanted != etag)
        {
            throw new R2Refusal(412, "PreconditionFailed");
        }

        var range = new ByteRange(0, stored.SizeBytes);
        var isPartial = RangeHeaderValue.TryParse(request.Headers.Range.ToString(), out var asked);
        if (isPartial)
        {
            var from = asked!.Ranges.Single().From ?? 0;
            range = new ByteRange(from, Math.Min(stored.SizeBytes, (asked.Ranges.Single().To ?? long.MaxValue - 1) + 1) - from);
            if (range.SizeBytes <= 0)
            {
                throw new R2Refusal(416, "InvalidRange");
            }
        }

        var headers = new Dictionary<string, string>(sentAlong[key]) { ["ETag"] = etag, ["Last-Modified"] = stored.ModifiedAt.ToString("R") };
        headers.Remove(Checksum);
        if (isPartial)
        {
            headers["Content-Range"] = $"bytes {range.OffsetBytes}-{range.EndBytes - 1}/{stored.SizeBytes}";
        }

        if (request.Query.TryGetValue("response-content-disposition", out var disposition))
        {
            headers["Content-Disposition"] = disposition.ToString();
        }

        var body = await files.ReadAsync(key, range.SizeBytes == 0 ? null : range, null, cancellationToken);
        return new R2Answer(isPartial ? 206 : 200, headers, body, range.SizeBytes);
    }

    private async Task<R2Answer> PutAsync(HttpRequest request, string key, CancellationToken cancellationToken)
    {
        CheckPace(key);
        var copySource = request.Headers["x-amz-copy-source"].ToString();
        var source = copySource.Length == 0 ? null : await SourceAsync(SourceKey(copySource), cancellationToken);
        using var body = new HashedBody(source?.Body ?? request.Body) { Sha256 = request.Headers[Checksum] };
        var stored = await files.PutAsync(key, body, source?.SizeBytes ?? request.ContentLength ?? 0, "", cancellationToken);
        objects[key] = (body.MD5, stored.ETag);
        sentAlong[key] = new[] { "Content-Type", "Cache-Control", Checksum }
            .Where(request.Headers.ContainsKey)
            .ToDictionary(name => name, name => request.Headers[name].ToString());
        return source is null
            ? R2Answer.Empty(200, ("ETag", Quoted(body.MD5)))
            : R2Answer.Xml("CopyObjectResult", new XElement("ETag", Quoted(body.MD5)), new XElement("LastModified", DateTimeOffset.UtcNow));
    }

    private async Task<(Stream Body, long SizeBytes)?> SourceAsync(string key, CancellationToken cancellationToken)
    {
        var stored = await files.HeadAsync(key, cancellationToken) ?? throw new R2Refusal(404, "NoSuchKey");
        return (await files.ReadAsync(key, null, null, cancellationToken), stored.SizeBytes);
    }

    private static string SourceKey(string header) => Uri.UnescapeDataString(header).TrimStart('/').Split('/', 2)[1];

    private async Task<R2Answer> DeleteAsync(string key, CancellationToken cancellationToken)
    {
        await files.DeleteAsync(key, cancellationToken);
        return R2Answer.Empty(204);
    }

    private async Task<R2Answer> BeginAsync(HttpRequest request, string key, CancellationToken cancellationToken)
    {
        sentAlong[key] = request.ContentType is { } type ? new() { ["Content-Type"] = type } : [];
        var upload = await files.BeginMultipartAsync(key, "", cancellationToken);
        uploads[upload.Id + key] = new();
        isChecked[upload.Id] = request.Headers["x-amz-checksum-algorithm"] == "CRC32";
        return R2Answer.Xml("InitiateMultipartUploadResult", new XElement("Key", key), new XElement("UploadId", upload.Id));
    }

    private async Task<R2Answer> PutPartAsync(HttpRequest request, string key, string uploadId, CancellationToken cancellationToken)
    {
        var parts = Parts(key, uploadId);
        var number = int.Parse(request.Query["partNumber"].ToString(), CultureInfo.InvariantCulture);
        if (number is < 1 or > MostParts)
        {
            throw new R2Refusal(400, "InvalidArgument");
        }

        var upload = new MultipartUpload(key, uploadId);
        var source = request.Headers["x-amz-copy-source"].ToString();
        if (source.Length == 0)
        {
            // As AWS has it: where the upload was begun with an algorithm, every part has its checksum, else none has.
            var promised = request.Headers[PartChecksum].ToString();
            if (promised.Length > 0 != isChecked[uploadId])
            {
                throw new R2Refusal(400, "InvalidRequest");
            }

            using var body = new HashedBody(request.Body) { Crc32 = promised };
            var slot = new PartSlot(number, (number - 1) * SlotBytes, request.ContentLength ?? 0);
            var file = await files.PutPartAsync(upload, slot, body, cancellationToken);
            parts[number] = (new StoredPart(number, body.MD5, slot.SizeBytes) { Crc32 = isChecked[uploadId] ? body.CurrentCrc32 : null }, file);
            return R2Answer.Empty(200, ("ETag", Quoted(body.MD5)));
        }

        var sourceKey = SourceKey(source);
        var limits = request.Headers["x-amz-copy-source-range"].ToString()["bytes=".Length..].Split('-');
        var from = long.Parse(limits[0], CultureInfo.InvariantCulture);
        var range = new ByteRange(from, long.Parse(limits[1], CultureInfo.InvariantCulture) - from + 1);
        var copied = new PartSlot(number, (number - 1) * SlotBytes, range.SizeBytes);
        using var bytes = new HashedBody(await files.ReadAsync(sourceKey, range, null, cancellationToken));
        var stored = await files.PutPartAsync(upload, copied, bytes, cancellationToken);
        parts[number] = (new StoredPart(number, bytes.MD5, range.SizeBytes), stored);
        return R2Answer.Xml("CopyPartResult", new XElement("ETag", Quoted(bytes.MD5)), new XElement("LastModified", DateTimeOffset.UtcNow));
    }

    private R2Answer ListParts(HttpRequest request, string key, string uploadId)
    {
        _ = int.TryParse(request.Query["part-number-marker"], out var marker);
        var rest = Parts(key, uploadId).Values.Select(part => part.Part).Where(part => part.Number > marker).OrderBy(part => part.Number).ToList();
        var page = rest.Take(Most(request, "max-parts")).ToList();
        return R2Answer.Xml(
            "ListPartsResult",
            new XElement("IsTruncated", page.Count < rest.Count),
            new XElement("NextPartNumberMarker", page.LastOrDefault()?.Number ?? marker),
            page.Select(part => new XElement(
                "Part",
                new XElement("PartNumber", part.Number),
                new XElement("ETag", Quoted(part.ETag)),
                new XElement("Size", part.SizeBytes),
                part.Crc32 is { } crc32 ? new XElement("ChecksumCRC32", StoredPart.TextOf(crc32)) : null)));
    }

    private async Task<R2Answer> CompleteAsync(HttpRequest request, string key, string uploadId, CancellationToken cancellationToken)
    {
        var parts = Parts(key, uploadId);
        var asked = (await XDocument.LoadAsync(request.Body, LoadOptions.None, cancellationToken)).Root!.Elements().Select(part => (
            Number: int.Parse(part.Elements().First(word => word.Name.LocalName == "PartNumber").Value, CultureInfo.InvariantCulture),
            ETag: part.Elements().First(word => word.Name.LocalName == "ETag").Value.Trim('"'),
            Crc32: part.Elements().FirstOrDefault(word => word.Name.LocalName == "ChecksumCRC32")?.Value)).ToList();
        if (isChecked[uploadId] && asked.Any(part => part.Crc32 is null))
        {
            throw new R2Refusal(400, "InvalidRequest");
        }

        if (asked.Count == 0 || asked.Any(part => !parts.TryGetValue(part.Number, out var stored)
            || stored.Part.ETag != part.ETag
            || (part.Crc32 is not null && part.Crc32 != StoredPart.TextOf(stored.Part.Crc32 ?? 0))))
        {
            throw new R2Refusal(400, asked.Count == 0 ? "MalformedXML" : "InvalidPart");
        }

        var chosen = asked.ConvertAll(part => parts[part.Number]);
        var sizes = chosen.ConvertAll(part => part.Part.SizeBytes);
        if (sizes.SkipLast(1).Any(size => size < LeastPartBytes))
        {
            throw new R2Refusal(400, "EntityTooSmall");
        }

        // R2's error 10048.
        if (sizes.SkipLast(1).Any(size => size != sizes[0]) || sizes[^1] > sizes[0])
        {
            throw new R2Refusal(400, "InvalidPart");
        }

        CheckPace(key);
        var stored = await files.CompleteMultipartAsync(new MultipartUpload(key, uploadId), [.. chosen.Select(part => part.File)], cancellationToken);
        var md5 = MD5.HashData(chosen.SelectMany(part => Convert.FromHexString(part.Part.ETag)).ToArray());
        objects[key] = ($"{Convert.ToHexStringLower(md5)}-{chosen.Count}", stored.ETag);
        uploads.TryRemove(uploadId + key, out _);
        return R2Answer.Xml("CompleteMultipartUploadResult", new XElement("Key", key), new XElement("ETag", Quoted(objects[key].ETag)));
    }

    private async Task<R2Answer> AbortAsync(string key, string uploadId, CancellationToken cancellationToken)
    {
        _ = Parts(key, uploadId);
        await files.AbortMultipartAsync(new MultipartUpload(key, uploadId), cancellationToken);
        uploads.TryRemove(uploadId + key, out _);
        return R2Answer.Empty(204);
    }

    private ConcurrentDictionary<int, (StoredPart Part, StoredPart File)> Parts(string key, string uploadId) =>
        uploads.TryGetValue(uploadId + key, out var parts) ? parts : throw new R2Refusal(404, "NoSuchUpload");

    private void CheckPace(string key)
    {
        var now = clock.GetUtcNow();
        if (writtenAt.TryGetValue(key, out var before) && now - before < WritePause)
        {
            throw new R2Refusal(429, "TooManyRequests");
        }

        writtenAt[key] = now;
    }

    private static int Most(HttpRequest request, string name) => int.TryParse(request.Query[name], out var most) ? Math.Min(most, 1000) : 1000;

    private static string Quoted(string etag) => $"\"{etag}\"";

    private sealed class HashedBody(Stream body) : ReadOnlyStream
    {
        private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        private readonly IncrementalHash sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        /// <summary>What the client says it is, in Base64; may be empty.</summary>
        public string? Sha256 { get; init; }

        /// <inheritdoc cref="Sha256"/>
        public string? Crc32 { get; init; }

        public uint CurrentCrc32 { get; private set; }

        public string MD5 => Convert.ToHexStringLower(hash.GetCurrentHash());

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await body.ReadAsync(buffer, cancellationToken);
            hash.AppendData(buffer.Span[..read]);
            sha256.AppendData(buffer.Span[..read]);
            CurrentCrc32 = Platform.Storage.Crc32.Append(CurrentCrc32, buffer.Span[..read]);
            if (read == 0 && ((!string.IsNullOrEmpty(Sha256) && Sha256 != Convert.ToBase64String(sha256.GetCurrentHash()))
                || (!string.IsNullOrEmpty(Crc32) && Crc32 != StoredPart.TextOf(CurrentCrc32))))
            {
                throw new R2Refusal(400, "BadDigest");
            }

            return read;
        }

        protected override void Dispose(bool disposing)
        {
            hash.Dispose();
            sha256.Dispose();
            base.Dispose(disposing);
        }
    }
}
