using System.Text;
using Albums.Sources;
using Albums.Zip;
using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests.Zip;

public sealed class EntryStreamTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("entries-");
    private readonly HastyClock clock = new();
    private readonly FaultyObjectStorage storage;
    private readonly byte[] bytes = new byte[300_001];

    public EntryStreamTests()
    {
        storage = new FaultyObjectStorage(new FolderObjectStorage(folder.FullName, TimeProvider.System));
        new Random(1).NextBytes(bytes);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Theory]
    [InlineData(0, 300_001)]
    [InlineData(70_000, 1)]
    [InlineData(131_071, 131_074)]
    public async Task A_range_of_an_object_is_those_bytes(int offset, int size) =>
        Assert.Equal(bytes[offset..(offset + size)], await ReadAsync(await StoredAsync(), offset, size));

    [Fact]
    public async Task A_range_of_a_text_is_those_bytes()
    {
        const string text = "Größe: 3\r\n";
        var entry = new PlannedEntry(-1, "_MISSING.txt", null, null, 12, DateTimeOffset.UnixEpoch, null, text);
        Assert.Equal(Encoding.UTF8.GetBytes(text)[3..9], await ReadAsync(entry, 3, 6));
    }

    /// <summary>A store answers 416 to any range of it.</summary>
    [Fact]
    public async Task An_empty_file_is_not_asked_for()
    {
        var entry = new PlannedEntry(0, "empty.jpg", "empty.jpg", "etag", 0, DateTimeOffset.UnixEpoch, Crc32: null);
        Assert.Empty(await ReadAsync(entry, 0, 0));
        Assert.Equal(0, storage.Calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_read_that_breaks_off_goes_on_where_it_broke_off(bool midway)
    {
        var entry = await StoredAsync();
        storage.FailAt(1, midway);
        Assert.Equal(bytes, await ReadAsync(entry, 0, bytes.Length));
        Assert.Equal(2, storage.Calls);
    }

    /// <summary>Each connection gives some bytes: as many failures as it takes, since each attempt came further.</summary>
    [Fact]
    public async Task A_source_that_breaks_again_and_again_is_read_as_long_as_it_gets_on()
    {
        var entry = await StoredAsync();
        var connections = 0;
        storage.BeforeCall = _ =>
        {
            storage.FailAt(++connections <= 8 ? 1 : 0, afterEffect: true);
            return Task.CompletedTask;
        };
        Assert.Equal(bytes[..1000], await ReadAsync(entry, 0, 1000));
        Assert.Equal(9, connections);
        Assert.Equal(TimeSpan.FromMilliseconds(200), Assert.Single(clock.Waits.Distinct()));
    }

    [Fact]
    public async Task A_source_that_gives_nothing_is_given_up_after_waiting_longer_each_time()
    {
        var entry = await StoredAsync();
        storage.BeforeCall = _ => throw new StorageException(StorageError.Unavailable, "The test broke this call.");
        var failure = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(entry, 0, 10));
        Assert.Equal(StorageError.Unavailable, failure.Error);
        Assert.Equal([200, 400, 800], clock.Waits.Select(wait => (int)wait.TotalMilliseconds));
    }

    [Fact]
    public async Task A_source_that_is_gone_or_replaced_is_lost()
    {
        var entry = await StoredAsync();
        await StoredAsync();
        Assert.Contains("replaced", (await Assert.ThrowsAsync<SourceLostException>(() => ReadAsync(entry, 0, 10))).Reason, StringComparison.Ordinal);
        await storage.DeleteAsync("a.jpg", Cancel);
        var lost = await Assert.ThrowsAsync<SourceLostException>(() => ReadAsync(entry, 0, 10));
        Assert.Equal((7, "it is not in the store any more"), (lost.Entry, lost.Reason));
        Assert.Empty(clock.Waits);
    }

    private async Task<PlannedEntry> StoredAsync()
    {
        await using var body = new BufferBody(bytes, Crc32.Append(0, bytes));
        var stored = await storage.PutAsync("a.jpg", body, bytes.Length, "image/jpeg", Cancel);
        storage.FailAt(0, afterEffect: false);
        return new PlannedEntry(0, "a.jpg", stored.Key, stored.ETag, stored.SizeBytes, stored.ModifiedAt, null);
    }

    private async Task<byte[]> ReadAsync(PlannedEntry entry, int offset, int size)
    {
        await using var source = new EntryStream(entry, 7, new ByteRange(offset, size), new EntrySources(storage, urls: null!), clock);
        var read = new byte[size];
        await source.ReadExactlyAsync(read, Cancel);
        Assert.Equal(0, await source.ReadAsync(new byte[1], Cancel));
        return read;
    }
}
