using System.Diagnostics;
using System.Runtime.CompilerServices;
using Platform.Costs;

namespace Platform.Storage;

/// <summary>
/// Counts what goes to a store in R2's price classes (https://developers.cloudflare.com/r2/pricing/): every call once, whatever becomes of
/// it; the store's own retries are not seen. Completing a multipart upload and copying a part count the look at the object as a class B operation.
/// </summary>
/// <param name="ledger">Where the work is charged to whom it is for.</param>
public sealed class MeteredObjectStorage(IObjectStorage inner, WorkMeter meter, UsageLedger? ledger = null) : IObjectStorage
{
    // ListParts answers by the thousand.
    private const int PageSize = 1000;

    private static readonly Usage ClassA = new(ClassAOperations: 1);
    private static readonly Usage ClassB = new(ClassBOperations: 1);
    private static readonly Usage Free = new(FreeOperations: 1);

    public bool CopiesAreSound => inner.CopiesAreSound;

    public long Throttled => inner.Throttled;

    public Task<StoredObject?> HeadAsync(string key, CancellationToken cancellationToken)
    {
        Count(key, ClassB);
        return TimeAsync(inner.HeadAsync(key, cancellationToken));
    }

    public Task<ObjectPage> ListAsync(string prefix, string? continuation, CancellationToken cancellationToken)
    {
        Count(prefix, ClassA);
        return TimeAsync(inner.ListAsync(prefix, continuation, cancellationToken));
    }

    public async Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken)
    {
        Count(key, ClassB);
        return new MeteredStream(await TimeAsync(inner.ReadAsync(key, range, ifMatch, cancellationToken)), this, key);
    }

    public async Task<StoredObject> PutAsync(
        string key, Stream body, long sizeBytes, string contentType, CancellationToken cancellationToken)
    {
        Count(key, ClassA);
        var stored = await TimeAsync(inner.PutAsync(key, body, sizeBytes, contentType, cancellationToken));
        Count(key, new Usage(BytesIn: sizeBytes));
        return stored;
    }

    public Task CopyAsync(string sourceKey, string key, ObjectHeaders headers, CancellationToken cancellationToken)
    {
        Count(key, ClassA);
        return TimeAsync(Done(inner.CopyAsync(sourceKey, key, headers, cancellationToken)));
    }

    public async Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        Count(key, Free);
        await TimeAsync(Done(inner.DeleteAsync(key, cancellationToken)));
    }

    public Task<MultipartUpload> BeginMultipartAsync(string key, string contentType, CancellationToken cancellationToken)
    {
        Count(key, ClassA);
        return TimeAsync(inner.BeginMultipartAsync(key, contentType, cancellationToken));
    }

    public Task<MultipartUpload> BeginCheckedMultipartAsync(string key, string contentType, CancellationToken cancellationToken)
    {
        Count(key, ClassA);
        return TimeAsync(inner.BeginCheckedMultipartAsync(key, contentType, cancellationToken));
    }

    public Task<MultipartUpload> BeginRebuildableMultipartAsync(string key, string contentType, CancellationToken cancellationToken)
    {
        Count(key, ClassA);
        return TimeAsync(inner.BeginRebuildableMultipartAsync(key, contentType, cancellationToken));
    }

    public async Task<StoredPart> PutPartAsync(MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken)
    {
        Count(upload.Key, ClassA);
        var stored = await TimeAsync(inner.PutPartAsync(upload, part, body, cancellationToken));
        Count(upload.Key, new Usage(BytesIn: part.SizeBytes));
        return stored;
    }

    public async Task<StoredPart> CopyPartAsync(
        MultipartUpload upload, PartSlot part, string sourceKey, long sourceOffsetBytes, string sourceETag, CancellationToken cancellationToken)
    {
        Count(upload.Key, ClassA + ClassB);
        var copied = await TimeAsync(inner.CopyPartAsync(upload, part, sourceKey, sourceOffsetBytes, sourceETag, cancellationToken));
        meter.CountCopied(part.SizeBytes);
        return copied;
    }

    public async Task<IReadOnlyList<StoredPart>> ListPartsAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        Count(upload.Key, ClassA);
        var parts = await TimeAsync(inner.ListPartsAsync(upload, cancellationToken));
        Count(upload.Key, new Usage(ClassAOperations: Math.Max(parts.Count - 1, 0) / PageSize));
        return parts;
    }

    public Task<StoredObject> CompleteMultipartAsync(
        MultipartUpload upload, IReadOnlyList<StoredPart> parts, CancellationToken cancellationToken)
    {
        Count(upload.Key, ClassA + ClassB);
        return TimeAsync(inner.CompleteMultipartAsync(upload, parts, cancellationToken));
    }

    public Task<MultipartPage> ListMultipartsAsync(string prefix, string? continuation, CancellationToken cancellationToken)
    {
        Count(prefix, ClassA);
        return TimeAsync(inner.ListMultipartsAsync(prefix, continuation, cancellationToken));
    }

    public async Task AbortMultipartAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        Count(upload.Key, Free);
        await TimeAsync(Done(inner.AbortMultipartAsync(upload, cancellationToken)));
    }

    public Uri? PresignPart(MultipartUpload upload, PartSlot part, TimeSpan lifetime, uint? crc32) =>
        inner.PresignPart(upload, part, lifetime, crc32);

    public Uri? PresignDownload(string key, TimeSpan lifetime, string fileName) => inner.PresignDownload(key, lifetime, fileName);

    public PresignedPut? PresignPut(string key, ObjectHeaders headers, ReadOnlyMemory<byte> sha256, TimeSpan lifetime) =>
        inner.PresignPut(key, headers, sha256, lifetime);

    private static async Task<bool> Done(Task task)
    {
        await task;
        return true;
    }

    private void Count(string key, in Usage usage)
    {
        meter.Add(usage);
        ledger?.Add(key, usage);
    }

    private async Task<T> TimeAsync<T>(Task<T> call, [CallerMemberName] string operation = "")
    {
        var startedAt = Stopwatch.GetTimestamp();
        var succeeded = false;
        try
        {
            var result = await call;
            succeeded = true;
            return result;
        }
        finally
        {
            meter.Took(Stopwatch.GetElapsedTime(startedAt), operation, succeeded);
        }
    }

    private sealed class MeteredStream(Stream body, MeteredObjectStorage storage, string key) : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await body.ReadAsync(buffer, cancellationToken);
            storage.Count(key, new Usage(BytesOut: read));
            return read;
        }

        public override async ValueTask DisposeAsync()
        {
            await body.DisposeAsync();
            await base.DisposeAsync();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                body.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
