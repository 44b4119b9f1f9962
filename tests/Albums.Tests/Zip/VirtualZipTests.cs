using System.IO.Pipelines;
using Albums.Sources;
using Albums.Zip;
using Platform.Storage;
using Xunit;

namespace Albums.Tests.Zip;

public sealed class VirtualZipTests : IDisposable
{
    private static readonly DateTimeOffset At = new(2026, 6, 20, 14, 30, 59, TimeSpan.Zero);

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("virtual-");
    private readonly WatchedObjectStorage storage;

    public VirtualZipTests() => storage = new(new FolderObjectStorage(folder.FullName, TimeProvider.System));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Every_range_of_a_small_ZIP_is_a_cut_of_the_whole()
    {
        var zip = await PlanAsync(0, 20);
        var whole = await ReadAsync(zip, new ByteRange(0, zip.SizeBytes));
        for (var from = 0; from < whole.Length; from++)
        {
            for (var to = from + 1; to <= whole.Length; to++)
            {
                var cut = await ReadAsync(zip, new ByteRange(from, to - from));
                Assert.True(whole.AsSpan(from..to).SequenceEqual(cut), $"{from}..{to}");
            }
        }

        Assert.Equal(0, storage.Open);
    }

    [Fact]
    public async Task Small_files_are_opened_together_and_no_more_than_sixteen()
    {
        var zip = await PlanAsync([.. Enumerable.Range(1, 200).Select(size => size * 10)]);
        await ReadAsync(zip, new ByteRange(0, zip.SizeBytes));
        Assert.Equal(16, storage.MostOpen);
        Assert.Equal(0, storage.Open);
    }

    /// <summary>A paused browser must not keep a connection to each of the next files.</summary>
    [Fact]
    public async Task Large_files_are_opened_one_by_one()
    {
        var zip = await PlanAsync([.. Enumerable.Repeat(3 << 20, 6)]);
        await ReadAsync(zip, new ByteRange(0, zip.SizeBytes));
        Assert.InRange(storage.MostOpen, 1, 2);
    }

    [Fact]
    public async Task What_was_read_ahead_is_closed_when_a_file_is_lost()
    {
        var zip = await PlanAsync([.. Enumerable.Repeat(1000, 20)]);
        await storage.DeleteAsync("5", Cancel);
        await using (var range = await zip.OpenAsync(new ByteRange(0, zip.SizeBytes), new EntrySources(storage, urls: null!), TimeProvider.System, Cancel))
        {
            var lost = await Assert.ThrowsAsync<SourceLostException>(() => range.CopyToAsync(PipeWriter.Create(Stream.Null), Cancel));
            Assert.Equal(5, lost.Entry);
        }

        Assert.Equal(0, storage.Open);
        var within = new ByteRange((5 * (30 + 1 + 9 + 1000)) + 100, 10); // headers with names of one byte
        await Assert.ThrowsAsync<SourceLostException>(() => zip.OpenAsync(within, new EntrySources(storage, urls: null!), TimeProvider.System, Cancel));
        Assert.Equal(0, storage.Open);
    }

    private async Task<byte[]> ReadAsync(VirtualZip zip, ByteRange range)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await using (var opened = await zip.OpenAsync(range, new EntrySources(storage, urls: null!), TimeProvider.System, Cancel))
        {
            await opened.CopyToAsync(pipe.Writer, Cancel);
        }

        await pipe.Writer.CompleteAsync();
        var bytes = new byte[range.SizeBytes];
        await pipe.Reader.AsStream().ReadExactlyAsync(bytes, Cancel);
        return bytes;
    }

    // Files "0", "1" … of the given sizes, and a text behind them.
    private async Task<VirtualZip> PlanAsync(params int[] sizes)
    {
        var entries = new List<PlannedEntry>();
        foreach (var (index, size) in sizes.Index())
        {
            var bytes = new byte[size];
            Random.Shared.NextBytes(bytes);
            var crc32 = Crc32.Append(0, bytes);
            await using var body = new BufferBody(bytes, crc32);
            var stored = await storage.PutAsync($"{index}", body, size, "image/jpeg", Cancel);
            entries.Add(new PlannedEntry(index, $"{index}", stored.Key, stored.ETag, size, At, crc32));
        }

        return VirtualZip.Of(ZipPlan.Freeze(entries, PlannedEntry.Missing([], At)), new Dictionary<int, uint>())[0];
    }
}
