using Platform.Storage;
using Testing;
using Xunit;

namespace Platform.Tests.Storage;

/// <summary>
/// What a store may do wrong, and what becomes of it. Time passes fifty times as fast, so only where a stall is the fault the client has little
/// patience: on a busy machine everything stalls.
/// </summary>
public abstract class S3FaultTests : IAsyncLifetime
{
    private const int PartBytes = 5 << 20;

    private static readonly byte[] Bytes = MakeBytes();

    private readonly string key = $"{Guid.CreateVersion7()}/a";
    private S3FaultProxy proxy = null!;
    private S3ObjectStorage patient = null!;
    private S3ObjectStorage hasty = null!;
    private S3ObjectStorage storage = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected FastClock Clock { get; } = new(50);

    public async ValueTask InitializeAsync()
    {
        proxy = await S3FaultProxy.StartAsync(await OpenStoreAsync());
        storage = patient = new S3ObjectStorage(proxy.Options with { StallLimit = TimeSpan.FromHours(1) }, Clock);
        hasty = new S3ObjectStorage(proxy.Options with { StallLimit = TimeSpan.FromSeconds(50) }, Clock);
    }

    public virtual async ValueTask DisposeAsync()
    {
        patient.Dispose();
        hasty.Dispose();
        await proxy.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected abstract Task<S3Options> OpenStoreAsync();

    [Theory]
    [InlineData(S3Operation.Head)]
    [InlineData(S3Operation.Get)]
    [InlineData(S3Operation.List)]
    [InlineData(S3Operation.Put)]
    [InlineData(S3Operation.Delete)]
    public async Task A_request_about_an_object_gets_over_every_fault_or_names_it(S3Operation operation)
    {
        await PutAsync();
        await MeetEveryFaultAsync(operation, UseObjectsAsync);
    }

    [Theory]
    [InlineData(S3Operation.Begin)]
    [InlineData(S3Operation.PutPart)]
    [InlineData(S3Operation.CopyPart)]
    [InlineData(S3Operation.ListParts)]
    [InlineData(S3Operation.Complete)]
    [InlineData(S3Operation.Abort)]
    public async Task A_request_about_an_upload_gets_over_every_fault_or_names_it(S3Operation operation)
    {
        await PutAsync();
        await MeetEveryFaultAsync(operation, UseUploadsAsync);
    }

    [Fact]
    public async Task A_body_that_cannot_be_read_again_is_not_sent_again()
    {
        proxy.FailNext(S3Operation.Put, StoreFault.InternalError);
        var once = new OnceStream(Bytes);
        var failed = await Assert.ThrowsAsync<StorageException>(() => storage.PutAsync(key, once, Bytes.Length, "image/jpeg", Cancel));
        Assert.Equal(StorageError.Unavailable, failed.Error);
        Assert.Single(proxy.Calls);
    }

    [Fact]
    public async Task A_store_that_keeps_failing_is_given_up()
    {
        proxy.FailNext(S3Operation.Head, Enumerable.Repeat(StoreFault.SlowDown, 20));
        Assert.Equal(StorageError.Unavailable, (await Assert.ThrowsAsync<StorageException>(() => storage.HeadAsync(key, Cancel))).Error);
        Assert.Equal(5, proxy.Calls.Count);
    }

    /// <summary>The proxy's 429 asks for a second; a first retry would come after a fifth of one.</summary>
    [Fact]
    public async Task A_store_is_left_alone_for_as_long_as_it_asks()
    {
        var clock = new FastClock(5); // a timer may be some milliseconds early: of the 20 that a faster clock leaves that is too much
        using var slower = new S3ObjectStorage(proxy.Options, clock);
        proxy.FailNext(S3Operation.Head, StoreFault.TooManyRequests);
        var before = clock.GetTimestamp();
        await slower.HeadAsync(key, Cancel);
        Assert.True(clock.GetElapsedTime(before) >= TimeSpan.FromSeconds(0.9));
    }

    [Fact]
    public async Task A_read_that_is_cut_again_and_again_goes_on_where_it_stopped()
    {
        await PutAsync();
        storage = hasty;
        proxy.FailNext(S3Operation.Get, StoreFault.CutReply, StoreFault.StalledReply, StoreFault.CutReply);
        Assert.Equal(Bytes, await ReadAsync());
        proxy.FailNext(S3Operation.Get, StoreFault.CutReply);
        Assert.Equal(Bytes[1000..2_000_000], await ReadAsync(new ByteRange(1000, 1_999_000)));
    }

    [Theory]
    [InlineData(StoreFault.CutReply)]
    [InlineData(StoreFault.CutReply, StoreFault.WholeObject)]
    public async Task A_read_that_is_cut_does_not_go_on_in_another_object(params StoreFault[] faults)
    {
        await PutAsync();
        proxy.FailNext(S3Operation.Get, faults);
        await using var body = await storage.ReadAsync(key, null, null, Cancel);
        await body.ReadExactlyAsync(new byte[10], Cancel);
        await PutAsync([.. Bytes.Reverse()]);
        var failed = await Assert.ThrowsAsync<StorageException>(() => body.CopyToAsync(Stream.Null, Cancel));
        Assert.Equal(StorageError.PreconditionFailed, failed.Error);
    }

    /// <summary>Without an ETag nobody knows whether the object was replaced by a shorter one.</summary>
    [Fact]
    public async Task A_range_that_the_store_ignores_is_not_taken_for_the_bytes_asked_for()
    {
        await PutAsync();
        proxy.FailNext(S3Operation.Get, StoreFault.WholeObject);
        var failed = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(new ByteRange(1000, 1000)));
        Assert.Equal(StorageError.PreconditionFailed, failed.Error);
    }

    [Fact]
    public async Task A_condition_that_the_store_overlooks_is_held()
    {
        await PutAsync();
        var before = await storage.HeadAsync(key, Cancel);
        await PutAsync([.. Bytes.Reverse()]);
        proxy.FailNext(S3Operation.Get, StoreFault.WholeObject);
        var failed = await Assert.ThrowsAsync<StorageException>(() => storage.ReadAsync(key, null, before!.ETag, Cancel));
        Assert.Equal(StorageError.PreconditionFailed, failed.Error);
    }

    /// <summary>Pages end where the store likes.</summary>
    [Fact]
    public async Task Short_pages_are_read_to_the_end()
    {
        var keys = Enumerable.Range(0, 7).Select(i => $"{key}-{i}").ToArray();
        foreach (var each in keys)
        {
            await storage.PutAsync(each, new MemoryStream(Bytes, 0, 10), 10, "image/jpeg", Cancel);
        }

        var upload = await storage.BeginMultipartAsync(key, "image/jpeg", Cancel);
        var parts = new List<StoredPart>();
        for (var number = 1; number <= 5; number++)
        {
            parts.Add(await PutPartAsync(upload, number, number));
        }

        proxy.Disturb(call => call.Operation is S3Operation.List or S3Operation.ListParts ? StoreFault.ShortPage : null);
        Assert.Equal(parts, await storage.ListPartsAsync(upload, Cancel));
        var listed = new List<string>();
        string? continuation = null;
        do
        {
            var page = await storage.ListAsync(key, continuation, Cancel);
            listed.AddRange(page.Objects.Select(found => found.Key));
            continuation = page.Continuation;
        }
        while (continuation is not null);
        Assert.Equal(keys, listed);
    }

    [Fact]
    public async Task Unequal_parts_are_refused_with_a_reason()
    {
        var upload = await storage.BeginMultipartAsync(key, "image/jpeg", Cancel);
        var parts = new[] { await PutPartAsync(upload, 1, PartBytes), await PutPartAsync(upload, 2, PartBytes + 1), await PutPartAsync(upload, 3, 1) };
        var refused = await Assert.ThrowsAsync<StorageException>(() => storage.CompleteMultipartAsync(upload, parts, Cancel));
        Assert.Equal(StorageError.PartsRefused, refused.Error);
        Assert.Contains("EqualParts", refused.Message, StringComparison.Ordinal);
    }

    private static byte[] MakeBytes()
    {
        var bytes = new byte[PartBytes + 12_345];
        new Random(5).NextBytes(bytes);
        return bytes;
    }

    private async Task MeetEveryFaultAsync(S3Operation operation, Func<Task> use)
    {
        foreach (var fault in StoreFaults.Of(operation))
        {
            StorageError? error = null;
            storage = fault is StoreFault.StalledRequest or StoreFault.StalledReply ? hasty : patient;
            proxy.FailNext(operation, fault);
            try
            {
                await use();
            }
            catch (StorageException e)
            {
                error = e.Error;
            }

            Assert.Equal((fault, Outcome(fault)), (fault, error));
            await proxy.CalmAsync();
        }

        storage = patient;
        await use();
    }

    // What cannot be got over by asking again.
    private static StorageError? Outcome(StoreFault fault) => fault switch
    {
        StoreFault.UploadAborted => StorageError.MultipartNotFound,
        StoreFault.PageWithoutNext or StoreFault.EmptyCopy => StorageError.Unavailable,
        _ => null,
    };

    private async Task UseObjectsAsync()
    {
        var found = (await storage.HeadAsync(key, Cancel))!;
        Assert.Equal(Bytes.Length, found.SizeBytes);
        Assert.Equal(Bytes[7..^9], await ReadAsync(new ByteRange(7, Bytes.Length - 16), found.ETag));
        var (prefix, bytes) = ($"{Guid.CreateVersion7()}/", Bytes.AsMemory(0, 300_000));
        var small = $"{prefix}a";
        await using var body = new BufferBody(bytes, Crc32.Append(0, bytes.Span));
        await storage.PutAsync(small, body, body.Length, "image/jpeg", Cancel);
        await proxy.SettleAsync();
        Assert.Equal(small, Assert.Single((await storage.ListAsync(prefix, null, Cancel)).Objects).Key);
        await storage.DeleteAsync(small, Cancel);
        Assert.Null(await storage.HeadAsync(small, Cancel));
    }

    [Theory]
    [InlineData(StoreFault.SlowDown, 1)]
    [InlineData(StoreFault.ServiceUnavailable, 1)]
    [InlineData(StoreFault.TooManyRequests, 1)]
    [InlineData(StoreFault.InternalError, 0)]
    public async Task Answers_that_ask_for_fewer_requests_are_counted(StoreFault fault, int times)
    {
        var before = storage.Throttled;
        proxy.FailNext(S3Operation.Head, fault);
        await storage.HeadAsync(key, Cancel);
        Assert.Equal(times, storage.Throttled - before);
    }

    private async Task UseUploadsAsync()
    {
        var (source, target) = (await storage.HeadAsync(key, Cancel), $"{key}.{Guid.CreateVersion7()}");
        var upload = await storage.BeginMultipartAsync(target, "image/jpeg", Cancel);
        var copied = await storage.CopyPartAsync(upload, new PartSlot(1, 0, PartBytes), key, 100, source!.ETag, Cancel);
        var put = await PutPartAsync(upload, 2, 300_000);
        Assert.Equal([copied, put], await storage.ListPartsAsync(upload, Cancel));
        var made = await storage.CompleteMultipartAsync(upload, [copied, put], Cancel);
        await using (var body = await storage.ReadAsync(target, null, made.ETag, Cancel))
        {
            using var bytes = new MemoryStream();
            await body.CopyToAsync(bytes, Cancel);
            Assert.Equal([.. Bytes[100..(100 + PartBytes)], .. Bytes[..300_000]], bytes.ToArray());
        }

        var abandoned = await storage.BeginMultipartAsync(target, "image/jpeg", Cancel);
        await PutPartAsync(abandoned, 1, 10);
        await storage.AbortMultipartAsync(abandoned, Cancel);
        var gone = await Assert.ThrowsAsync<StorageException>(() => storage.ListPartsAsync(abandoned, Cancel));
        Assert.Equal(StorageError.MultipartNotFound, gone.Error);
    }

    private Task PutAsync(byte[]? bytes = null) => storage.PutAsync(key, new MemoryStream(bytes ?? Bytes), Bytes.Length, "image/jpeg", Cancel);

    private Task<StoredPart> PutPartAsync(MultipartUpload upload, int number, int size) =>
        storage.PutPartAsync(upload, new PartSlot(number, 0, size), new MemoryStream(Bytes, 0, size), Cancel);

    private async Task<byte[]> ReadAsync(ByteRange? range = null, string? ifMatch = null)
    {
        await using var body = await storage.ReadAsync(key, range, ifMatch, Cancel);
        using var bytes = new MemoryStream();
        await body.CopyToAsync(bytes, Cancel);
        return bytes.ToArray();
    }

    private sealed class OnceStream(byte[] bytes) : ReadOnlyStream
    {
        private int position;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var piece = bytes.AsMemory(position, Math.Min(buffer.Length, bytes.Length - position));
            piece.CopyTo(buffer);
            position += piece.Length;
            return ValueTask.FromResult(piece.Length);
        }
    }
}

public sealed class S3FaultsOnCeph : S3FaultTests
{
    private protected override Task<S3Options> OpenStoreAsync() => CephServer.TlsBucketAsync();
}

public sealed class S3FaultsOnR2 : S3FaultTests
{
    private R2StrictServer server = null!;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await server.DisposeAsync();
    }

    private protected override async Task<S3Options> OpenStoreAsync() => (server = await R2StrictServer.StartAsync(Clock)).Options;
}
