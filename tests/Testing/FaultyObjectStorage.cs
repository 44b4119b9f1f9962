using System.Collections.Concurrent;
using Platform.Storage;

namespace Testing;

/// <summary>
/// A store that breaks at its n-th call: the call either never arrives, or has its effect and its answer is lost. A read that breaks
/// after its effect gives half of its bytes. For crash tests: after the fault everything works again.
/// </summary>
public sealed class FaultyObjectStorage(IObjectStorage inner) : IObjectStorage
{
    private int failAtCall;
    private bool failAfter;
    private int calls;

    public bool CopiesAreSound => inner.CopiesAreSound;

    public long Throttled => inner.Throttled;

    /// <summary>Is awaited before each call, with its number: a test lets something happen in the middle of somebody's work.</summary>
    public Func<int, Task>? BeforeCall { get; set; }

    /// <summary>Every multipart upload that the store began, also where the answer was lost.</summary>
    public ConcurrentBag<MultipartUpload> Begun { get; } = [];

    /// <summary>Calls since the last <see cref="FailAt"/>.</summary>
    public int Calls => calls;

    /// <summary>Breaks the given call from now on, counted from 1; 0 for none.</summary>
    public void FailAt(int call, bool afterEffect)
    {
        failAtCall = 0; // a call beside this one does not meet the earlier number while the count begins anew
        calls = 0;
        failAfter = afterEffect;
        failAtCall = call;
    }

    public Task<StoredObject?> HeadAsync(string key, CancellationToken cancellationToken) =>
        CallAsync(() => inner.HeadAsync(key, cancellationToken));

    public Task<ObjectPage> ListAsync(string prefix, string? continuation, CancellationToken cancellationToken) =>
        CallAsync(() => inner.ListAsync(prefix, continuation, cancellationToken));

    public async Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken)
    {
        var breaks = await BreaksAsync();
        var body = await inner.ReadAsync(key, range, ifMatch, cancellationToken);
        return breaks ? new BrokenBody(body, (range?.SizeBytes ?? 2) / 2) : body;
    }

    public Task<StoredObject> PutAsync(string key, Stream body, long sizeBytes, string contentType, CancellationToken cancellationToken) =>
        CallAsync(() => inner.PutAsync(key, body, sizeBytes, contentType, cancellationToken));

    public Task CopyAsync(string sourceKey, string key, ObjectHeaders headers, CancellationToken cancellationToken) =>
        CallAsync(() => inner.CopyAsync(sourceKey, key, headers, cancellationToken));

    public Task DeleteAsync(string key, CancellationToken cancellationToken) =>
        CallAsync(() => inner.DeleteAsync(key, cancellationToken));

    public Task<MultipartUpload> BeginMultipartAsync(string key, string contentType, CancellationToken cancellationToken) =>
        CallAsync(async () =>
        {
            var upload = await inner.BeginMultipartAsync(key, contentType, cancellationToken);
            Begun.Add(upload);
            return upload;
        });

    public Task<MultipartUpload> BeginRebuildableMultipartAsync(string key, string contentType, CancellationToken cancellationToken) =>
        CallAsync(() => inner.BeginRebuildableMultipartAsync(key, contentType, cancellationToken));

    public Task<StoredPart> PutPartAsync(MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken) =>
        CallAsync(() => inner.PutPartAsync(upload, part, body, cancellationToken));

    public Task<StoredPart> CopyPartAsync(
        MultipartUpload upload, PartSlot part, string sourceKey, long sourceOffsetBytes, string sourceETag, CancellationToken cancellationToken) =>
        CallAsync(() => inner.CopyPartAsync(upload, part, sourceKey, sourceOffsetBytes, sourceETag, cancellationToken));

    public Task<IReadOnlyList<StoredPart>> ListPartsAsync(MultipartUpload upload, CancellationToken cancellationToken) =>
        CallAsync(() => inner.ListPartsAsync(upload, cancellationToken));

    public Task<StoredObject> CompleteMultipartAsync(
        MultipartUpload upload, IReadOnlyList<StoredPart> parts, CancellationToken cancellationToken) =>
        CallAsync(() => inner.CompleteMultipartAsync(upload, parts, cancellationToken));

    public Task<MultipartPage> ListMultipartsAsync(string prefix, string? continuation, CancellationToken cancellationToken) =>
        CallAsync(() => inner.ListMultipartsAsync(prefix, continuation, cancellationToken));

    public Task AbortMultipartAsync(MultipartUpload upload, CancellationToken cancellationToken) =>
        CallAsync(() => inner.AbortMultipartAsync(upload, cancellationToken));

    public Uri? PresignPart(MultipartUpload upload, PartSlot part, TimeSpan lifetime, uint? crc32) =>
        inner.PresignPart(upload, part, lifetime, crc32);

    public Uri? PresignDownload(string key, TimeSpan lifetime, string fileName) => inner.PresignDownload(key, lifetime, fileName);

    public PresignedPut? PresignPut(string key, ObjectHeaders headers, ReadOnlyMemory<byte> sha256, TimeSpan lifetime) =>
        inner.PresignPut(key, headers, sha256, lifetime);

    private static StorageException Fault() => new(StorageError.Unavailable, "The test broke this call.");

    // Whether this call's answer is lost. A call that never arrives throws here.
    private async Task<bool> BreaksAsync()
    {
        var call = Interlocked.Increment(ref calls);
        if (BeforeCall is { } happen)
        {
            await happen(call);
        }

        return call == failAtCall && (failAfter ? true : throw Fault());
    }

    private async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        var breaks = await BreaksAsync();
        var result = await call();
        return breaks ? throw Fault() : result;
    }

    private async Task CallAsync(Func<Task> call) => await CallAsync(async () =>
    {
        await call();
        return true;
    });

    private sealed class BrokenBody(Stream body, long bytesLeft) : Stream
    {
        private long left = bytesLeft;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (left <= 0)
            {
                throw Fault();
            }

            var count = await body.ReadAsync(buffer[..(int)Math.Min(buffer.Length, left)], cancellationToken);
            left -= count;
            return count;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

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
