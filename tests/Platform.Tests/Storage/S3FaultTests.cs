using Platform.Storage;
using Testing;
using Xunit;

namespace Platform.Tests.Storage;

/// <summary>What a store may do wrong, and what becomes of it.</summary>
public sealed class S3FaultTests : IAsyncLifetime
{
    private const int PartBytes = 5 << 20;

    private static readonly byte[] Bytes = MakeBytes();

    private R2StrictServer server = null!;
    private S3ObjectStorage storage = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        server = await R2StrictServer.StartAsync();
        storage = new S3ObjectStorage(server.Options with { StallLimit = TimeSpan.FromSeconds(2) }, TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        storage.Dispose();
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData(R2Fault.InternalError)]
    [InlineData(R2Fault.SlowDown)]
    [InlineData(R2Fault.CutConnection)]
    [InlineData(R2Fault.LostReply)]
    public async Task A_transient_fault_is_not_noticed(R2Fault fault)
    {
        server.FailNext(fault, "PUT");
        await storage.PutAsync("a", Body(), Bytes.Length, "image/jpeg", Cancel);
        server.FailNext(fault, "HEAD");
        Assert.Equal(Bytes.Length, (await storage.HeadAsync("a", Cancel))!.SizeBytes);
        server.FailNext(fault, "GET");
        Assert.Equal(Bytes, await ReadAsync());
        server.FailNext(fault, "GET");
        Assert.Single((await storage.ListAsync("", null, Cancel)).Objects);
        server.FailNext(fault, "DELETE");
        await storage.DeleteAsync("a", Cancel);
        Assert.Null(await storage.HeadAsync("a", Cancel));
    }

    [Theory]
    [InlineData(R2Fault.InternalError)]
    [InlineData(R2Fault.CutConnection)]
    [InlineData(R2Fault.LostReply)]
    public async Task A_multipart_upload_survives_a_fault_at_every_step(R2Fault fault)
    {
        server.FailNext(fault, "POST", "uploads");
        server.FailNext(fault, "PUT", "partNumber=1");
        server.FailNext(fault, "GET", "uploadId");
        server.FailNext(fault, "POST", "uploadId");
        var upload = await storage.BeginMultipartAsync("a", "image/jpeg", Cancel);
        var part = await storage.PutPartAsync(upload, new PartSlot(1, 0, Bytes.Length), Body(), Cancel);
        Assert.Equal([part], await storage.ListPartsAsync(upload, Cancel));
        await storage.CompleteMultipartAsync(upload, [part], Cancel);
        Assert.Equal(Bytes, await ReadAsync());
    }

    [Fact]
    public async Task A_body_that_cannot_be_read_again_is_not_sent_again()
    {
        server.FailNext(R2Fault.InternalError, "PUT");
        var once = new OnceStream(Bytes);
        var failed = await Assert.ThrowsAsync<StorageException>(() => storage.PutAsync("a", once, Bytes.Length, "image/jpeg", Cancel));
        Assert.Equal(StorageError.Unavailable, failed.Error);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_store_that_keeps_failing_is_given_up()
    {
        for (var i = 0; i < 20; i++)
        {
            server.FailNext(R2Fault.SlowDown, "HEAD");
        }

        Assert.Equal(StorageError.Unavailable, (await Assert.ThrowsAsync<StorageException>(() => storage.HeadAsync("a", Cancel))).Error);
        Assert.Equal(5, server.Requests.Count);
    }

    [Fact]
    public async Task A_read_that_is_cut_goes_on_where_it_stopped()
    {
        await storage.PutAsync("a", Body(), Bytes.Length, "image/jpeg", Cancel);
        server.FailNext(R2Fault.CutBody, "GET");
        server.FailNext(R2Fault.CutBody, "GET");
        Assert.Equal(Bytes, await ReadAsync());
        server.FailNext(R2Fault.CutBody, "GET");
        Assert.Equal(Bytes[1000..2_000_000], await ReadAsync(new ByteRange(1000, 1_999_000)));
    }

    [Fact]
    public async Task A_read_that_is_cut_does_not_go_on_in_another_object()
    {
        await storage.PutAsync("a", Body(), Bytes.Length, "image/jpeg", Cancel);
        server.FailNext(R2Fault.CutBody, "GET");
        await using var body = await storage.ReadAsync("a", null, null, Cancel);
        await body.ReadExactlyAsync(new byte[10], Cancel);
        Bytes[0]++;
        await storage.PutAsync("a", Body(), Bytes.Length, "image/jpeg", Cancel);
        Bytes[0]--;
        var failed = await Assert.ThrowsAsync<StorageException>(() => body.CopyToAsync(Stream.Null, Cancel));
        Assert.Equal(StorageError.PreconditionFailed, failed.Error);
    }

    [Fact]
    public async Task A_range_that_the_store_ignores_is_not_taken_for_the_bytes_asked_for()
    {
        await storage.PutAsync("a", Body(), Bytes.Length, "image/jpeg", Cancel);
        server.FailNext(R2Fault.WholeObject, "GET");
        var failed = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(new ByteRange(1000, 1000)));
        Assert.Equal(StorageError.PreconditionFailed, failed.Error);
        Assert.Equal(Bytes[1000..2000], await ReadAsync(new ByteRange(1000, 1000)));
    }

    [Fact]
    public async Task A_read_that_stalls_goes_on_where_it_stopped()
    {
        await storage.PutAsync("a", Body(), Bytes.Length, "image/jpeg", Cancel);
        server.FailNext(R2Fault.StalledBody, "GET");
        Assert.Equal(Bytes, await ReadAsync());
    }

    [Fact]
    public async Task An_error_in_the_body_of_a_200_is_an_error()
    {
        await storage.PutAsync("source", Body(), Bytes.Length, "image/jpeg", Cancel);
        var source = await storage.HeadAsync("source", Cancel);
        var upload = await storage.BeginMultipartAsync("a", "image/jpeg", Cancel);
        server.FailNext(R2Fault.ErrorInBody, "PUT", "partNumber=1");
        server.FailNext(R2Fault.ErrorInBody, "POST", "uploadId");
        var part = await storage.CopyPartAsync(upload, new PartSlot(1, 0, PartBytes), "source", 0, source!.ETag, Cancel);
        await storage.CompleteMultipartAsync(upload, [part], Cancel);
        Assert.Equal(Bytes[..PartBytes], await ReadAsync());
    }

    [Fact]
    public async Task An_upload_that_expired_is_told_from_a_failure()
    {
        var upload = await storage.BeginMultipartAsync("a", "image/jpeg", Cancel);
        server.FailNext(R2Fault.NoSuchUpload, "PUT", "partNumber");
        var gone = await Assert.ThrowsAsync<StorageException>(() => storage.PutPartAsync(upload, new PartSlot(1, 0, 5), new MemoryStream(Bytes, 0, 5), Cancel));
        Assert.Equal(StorageError.MultipartNotFound, gone.Error);
    }

    [Fact]
    public async Task Unequal_parts_are_refused_with_a_reason()
    {
        var upload = await storage.BeginMultipartAsync("a", "image/jpeg", Cancel);
        var parts = new[] { await PutPartAsync(upload, 1, PartBytes), await PutPartAsync(upload, 2, PartBytes + 1), await PutPartAsync(upload, 3, 1) };
        var refused = await Assert.ThrowsAsync<StorageException>(() => storage.CompleteMultipartAsync(upload, parts, Cancel));
        Assert.Equal(StorageError.PartsRefused, refused.Error);
        Assert.Contains("EqualParts", refused.Message, StringComparison.Ordinal);
        using var careless = new S3ObjectStorage(server.Options with { EqualParts = false }, TimeProvider.System);
        refused = await Assert.ThrowsAsync<StorageException>(() => careless.CompleteMultipartAsync(upload, parts, Cancel));
        Assert.Equal(StorageError.PartsRefused, refused.Error);
    }

    private static byte[] MakeBytes()
    {
        var bytes = new byte[PartBytes + 12_345];
        new Random(5).NextBytes(bytes);
        return bytes;
    }

    private static MemoryStream Body() => new(Bytes);

    private Task<StoredPart> PutPartAsync(MultipartUpload upload, int number, int size) =>
        storage.PutPartAsync(upload, new PartSlot(number, 0, size), new MemoryStream(Bytes, 0, size), Cancel);

    private async Task<byte[]> ReadAsync(ByteRange? range = null)
    {
        await using var body = await storage.ReadAsync("a", range, null, Cancel);
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
