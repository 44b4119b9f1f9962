using Albums.Contracts;
using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests;

/// <summary>What lies inside one file is copied by the store, past this process, and the ZIP is the same.</summary>
public abstract class CopiedPartsTests : IAsyncLifetime
{
    private const int MiB = 1 << 20;

    private readonly string folder = $"photos/{Guid.CreateVersion7()}";
    private readonly Dictionary<string, byte[]> files = [];
    private AlbumWorkshop workshop = null!;
    private S3ObjectStorage storage = null!;
    private S3FaultProxy proxy = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        proxy = await S3FaultProxy.StartAsync(await OpenStoreAsync());
        storage = new S3ObjectStorage(proxy.Options, TimeProvider.System);
        workshop = await AlbumWorkshop.CreateAsync(storage);
        foreach (var (name, sizeBytes) in new[] { ("a.jpg", 300_000), ("b 50%.mov", 17 * MiB), ("c.mov", 40 * MiB) })
        {
            var bytes = files[$"{folder}/{name}"] = new byte[sizeBytes];
            new Random(sizeBytes).NextBytes(bytes);
            await workshop.PutAsync($"{folder}/{name}", bytes);
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await workshop.DisposeAsync();
        storage.Dispose();
        await proxy.DisposeAsync();
    }

    private protected abstract Task<S3Options> OpenStoreAsync();

    /// <summary>Eight parts: three have headers, and one, like one of those, is of a file with a percent sign in its name, which kills Ceph 16.</summary>
    [Fact]
    public async Task Parts_inside_a_file_of_known_crc_are_copied_and_the_zip_is_the_same()
    {
        var read = await workshop.RequestAsync(files.Keys);
        await workshop.AttemptAsync(read);
        Assert.Empty(Copied(await workshop.HistoryAsync(read))); // their CRCs had to be found

        await AnnounceAsync();
        var id = await workshop.RequestAsync(files.Keys);
        await workshop.AttemptAsync(id);

        Assert.Equal(await workshop.HashAsync(read), await workshop.HashAsync(id));
        var history = await workshop.HistoryAsync(id);
        Assert.Equal([4, 5, 6, 7], Copied(history).Select(part => part.Number).Order());
        var zipBytes = (await workshop.AlbumAsync(id)).Completed!.SizeBytes;
        var work = Assert.Single(history.OfType<WorkMetered>());
        Assert.Equal(4 * 8 * MiB, work.BytesCopied);
        Assert.InRange(work.BytesIn, zipBytes - work.BytesCopied, zipBytes - work.BytesCopied + 10_000); // and the plan
        Assert.InRange(work.BytesOut, 0, zipBytes - work.BytesCopied + 10_000);
    }

    [Fact]
    public async Task A_file_that_is_replaced_is_left_out_rather_than_copied()
    {
        await AnnounceAsync();
        var id = await workshop.RequestAsync(files.Keys);
        await workshop.PlanAsync(id);
        await workshop.PutAsync($"{folder}/c.mov", [1, .. files[$"{folder}/c.mov"][1..]]);
        await workshop.AttemptAsync(id);

        await using var zip = await System.IO.Compression.ZipFile.OpenReadAsync(await workshop.DownloadAsync(id), Cancel);
        Assert.Equal(["a.jpg", "b 50%.mov", "_MISSING.txt"], zip.Entries.Select(entry => entry.FullName));
    }

    [Fact]
    public async Task What_a_store_does_not_copy_is_read()
    {
        await AnnounceAsync();
        proxy.Disturb(call => call.Operation is S3Operation.CopyPart ? StoreFault.EmptyCopy : null);
        var id = await workshop.RequestAsync(files.Keys);
        await workshop.AttemptAsync(id);

        Assert.NotEmpty(proxy.Faults);
        Assert.Empty(Copied(await workshop.HistoryAsync(id)));
        await AssertUnzipsAsync(id, 3);
    }

    /// <summary>One photo more than there were: what stands before it is the same, and in the store side by side.</summary>
    [Fact]
    public async Task An_album_that_is_requested_again_takes_what_did_not_change_from_the_zip_before()
    {
        var keys = await UploadPhotosAsync(31);
        var before = await workshop.RequestAsync(keys.SkipLast(1));
        await workshop.AttemptAsync(before);
        Assert.Empty(Copied(await workshop.HistoryAsync(before))); // no photo fills a part
        Assert.Equal("Completed", await workshop.ListedStatusAsync(before));

        var id = await workshop.RequestAsync(keys);
        await workshop.AttemptAsync(id);
        var history = await workshop.HistoryAsync(id);
        Assert.Equal(1, Assert.Single(Copied(history)).Number);
        Assert.Equal(31, history.OfType<FileZipped>().Count());
        Assert.InRange(Assert.Single(history.OfType<WorkMetered>()).BytesOut, 1, 5 * MiB);

        var hash = await workshop.HashAsync(id);
        await storage.DeleteAsync((await workshop.AlbumAsync(before)).Completed!.Key, Cancel);
        await storage.DeleteAsync((await workshop.AlbumAsync(id)).Completed!.Key, Cancel);
        var read = await workshop.RequestAsync(keys);
        await workshop.AttemptAsync(read);
        Assert.Empty(Copied(await workshop.HistoryAsync(read)));
        Assert.Equal(await workshop.HashAsync(read), hash);
    }

    [Fact]
    public async Task A_replay_takes_what_did_not_change_from_the_edition_before()
    {
        var keys = await UploadPhotosAsync(30);
        var id = await workshop.RequestAsync([.. keys, $"{folder}/late.jpg"]);
        await workshop.AttemptAsync(id);
        await workshop.UploadAsync($"{folder}/late.jpg", "late.jpg", new byte[1000]);
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(
            id, album => ReplayAlbumHandler.Decide(album, new ReplayAlbum(id, "ann"), DateTimeOffset.UnixEpoch), Cancel);
        await workshop.AttemptAsync(id);

        Assert.Equal(1, Assert.Single(Copied(await workshop.HistoryAsync(id))).Number);
        Assert.Equal((31, 0), ((await workshop.AlbumAsync(id)).Completed!.Files, (await workshop.AlbumAsync(id)).Completed!.Skipped));
        await AssertUnzipsAsync(id, 31);
    }

    [Fact]
    public async Task A_store_that_takes_one_part_at_a_time_gets_them_so()
    {
        await AnnounceAsync();
        proxy.MostParts = 1;
        proxy.Latency = () => TimeSpan.FromMilliseconds(50); // so that the first of them meet there
        var id = await workshop.RequestAsync(files.Keys);
        await workshop.AttemptAsync(id);

        Assert.NotEmpty(proxy.Faults);
        Assert.NotEqual(0, storage.Throttled);
        var history = await workshop.HistoryAsync(id);
        Assert.Equal(Enumerable.Range(1, 8), history.OfType<PartStored>().Select(part => part.Number).Order());
        Assert.Single(history.OfType<AttemptStarted>());
        Assert.Single(history.OfType<AlbumCompleted>());
    }

    private static IEnumerable<PartStored> Copied(List<IAlbumEvent> history) =>
        history.OfType<PartStored>().Where(part => part.Segments.Any(segment => segment.Crc32 is null));

    private async Task AssertUnzipsAsync(Guid id, int entries)
    {
        await using var zip = await System.IO.Compression.ZipFile.OpenReadAsync(await workshop.DownloadAsync(id), Cancel);
        Assert.Equal(entries, zip.Entries.Count);
        foreach (var entry in zip.Entries)
        {
            await using var content = await entry.OpenAsync(Cancel);
            await content.CopyToAsync(Stream.Null, Cancel); // checks the CRC
        }
    }

    private async Task<string[]> UploadPhotosAsync(int photos)
    {
        var keys = Enumerable.Range(0, photos).Select(i => $"{folder}/{i:00}.jpg").ToArray();
        foreach (var (i, key) in keys.Index())
        {
            var bytes = new byte[400_000];
            new Random(i).NextBytes(bytes);
            await workshop.UploadAsync(key, Path.GetFileName(key), bytes);
        }

        return keys;
    }

    private async Task AnnounceAsync()
    {
        foreach (var (key, bytes) in files)
        {
            await workshop.AnnounceAsync(key, Path.GetFileName(key), Crc32.Append(0, bytes));
        }
    }
}

public sealed class CopiedPartsOnCeph : CopiedPartsTests
{
    private protected override Task<S3Options> OpenStoreAsync() => CephServer.TlsBucketAsync();
}

public sealed class CopiedPartsOnR2 : CopiedPartsTests
{
    private R2StrictServer server = null!;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await server.DisposeAsync();
    }

    private protected override async Task<S3Options> OpenStoreAsync() => (server = await R2StrictServer.StartAsync()).Options;
}
