using Albums.Contracts;
using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests;

/// <summary>The product's promise: whatever call fails, the next attempt goes on, the bytes are the same, and each event stands once.</summary>
/// <param name="photos">Small files, the first of them empty, beside one that is missing and a video.</param>
/// <param name="uploaded">Whether the files came through Uploads, so that their CRCs are known and the store may copy them inside.</param>
public abstract class ZipAlbumCrashTests(int photos, int videoBytes, bool uploaded) : IAsyncLifetime
{
    private readonly string[] keys = [.. Enumerable.Range(0, photos).Select(i => $"photos/{i}.jpg"), "photos/gone.jpg", "photos/video.mov"];

    private protected AlbumWorkshop Workshop { get; private set; } = null!;

    private protected IReadOnlyList<string> Keys => keys;

    public async ValueTask InitializeAsync()
    {
        Workshop = await AlbumWorkshop.CreateAsync(await OpenStoreAsync());
        var random = new Random(1);
        foreach (var (i, key) in keys.Index().Where(file => file.Item != "photos/gone.jpg"))
        {
            var bytes = new byte[i == 0 ? 0 : key.EndsWith(".mov", StringComparison.Ordinal) ? videoBytes : 100_000 + i];
            random.NextBytes(bytes);
            await (uploaded ? Workshop.UploadAsync(key, Path.GetFileName(key), bytes) : Workshop.PutAsync(key, bytes));
        }
    }

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return Workshop.DisposeAsync();
    }

    /// <summary>The store; a folder where there is none.</summary>
    private protected abstract Task<IObjectStorage?> OpenStoreAsync();

    [Fact]
    public async Task An_album_is_packed()
    {
        var id = await Workshop.RequestAsync(keys);
        await Workshop.AttemptAsync(id);

        var album = await Workshop.AlbumAsync(id);
        Assert.Equal(AlbumStatus.Completed, album.Status);
        Assert.Equal((photos + 1, 1), (album.Completed!.Files, album.Completed.Skipped));
        await AssertUnzipsAsync(id);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Any_call_to_the_store_may_fail(bool afterEffect) => FailEverywhereAsync(isDatabase: false, afterEffect);

    // What was made goes: the store may keep its objects in memory.
    private protected Task FailEverywhereAsync(bool isDatabase, bool afterEffect) => new CrashLoop(Workshop, isDatabase, afterEffect).RunAsync(
        () => Workshop.RequestAsync(keys),
        Workshop.HashAsync,
        async (id, history, message) =>
        {
            AssertEachOnce(history, message);
            await Workshop.Objects.DeleteAsync((await Workshop.AlbumAsync(id)).Completed!.Key, default);
        });

    /// <summary>Each volume and each edition has an upload of its own, on every store.</summary>
    [Fact]
    public async Task An_album_of_volumes_is_packed_and_replayed()
    {
        var cancel = TestContext.Current.CancellationToken;
        var id = await RequestVolumesAsync();
        await Workshop.AttemptAsync(id);
        var first = (await Workshop.AlbumAsync(id)).Completed!;
        Assert.Equal((3, photos + 1, 1), (first.Volumes!.Count, first.Files, first.Skipped)); // photos, the video, the list of the missing

        await Workshop.PutAsync("photos/gone.jpg", [1, 2, 3]);
        await ReplayAsync(id);
        await Workshop.AttemptAsync(id);
        var second = (await Workshop.AlbumAsync(id)).Completed!;
        Assert.Equal((2, photos + 2, 0), (second.Volumes!.Count, second.Files, second.Skipped));
        var zips = (await Workshop.Objects.ListAsync($"albums/{id}/", null, cancel)).Objects.Where(stored => stored.Key.EndsWith(".zip", StringComparison.Ordinal));
        Assert.Equal(second.Volumes.Select(volume => (volume.Key, volume.ETag, volume.SizeBytes)), zips.Select(zip => (zip.Key, zip.ETag, zip.SizeBytes)));
    }

    private protected async Task<Guid> RequestVolumesAsync()
    {
        var id = Guid.CreateVersion7();
        var requested = new AlbumRequested(
            "ann-bob", [.. keys.Select(key => new RequestedFile(key, null))], null, [], DateTimeOffset.UnixEpoch, MaxVolumeBytes: videoBytes);
        await Workshop.Events.DecideAsync<Album, IAlbumEvent>(id, album => RequestAlbumHandler.Decide(album, requested), default);
        return id;
    }

    private protected Task ReplayAsync(Guid id) => Workshop.Events.DecideAsync<Album, IAlbumEvent>(
        id, album => ReplayAlbumHandler.Decide(album, new ReplayAlbum(id, "ann"), DateTimeOffset.UnixEpoch), default);

    private static void AssertEachOnce(List<IAlbumEvent> history, string message)
    {
        var plan = Assert.Single(history.OfType<PlanFrozen>());
        Assert.Equal(Enumerable.Range(0, plan.Entries), history.OfType<FileZipped>().Select(file => file.Index));
        var parts = (int)((plan.SizeBytes + plan.PartSizeBytes - 1) / plan.PartSizeBytes);
        Assert.True(history.OfType<PartStored>().Select(part => part.Number).Order().SequenceEqual(Enumerable.Range(1, parts)), message);
        Assert.True(history.OfType<AlbumCompleted>().Count() == 1, message);
        Assert.True(history.OfType<FileSkipped>().Count() == 1, message);
        Assert.True(history.OfType<MultipartBegun>().Count() == 1, message);
    }

    private async Task AssertUnzipsAsync(Guid id)
    {
        await using var archive = await System.IO.Compression.ZipFile.OpenReadAsync(await Workshop.DownloadAsync(id));
        Assert.Equal(photos + 2, archive.Entries.Count);
        foreach (var entry in archive.Entries.Where(entry => entry.Name != "_MISSING.txt"))
        {
            await using var packed = await entry.OpenAsync(); // verifies the CRC
            await using var source = await Workshop.Objects.ReadAsync($"photos/{entry.Name}", range: null, ifMatch: null, default);
            Assert.Equal(
                await System.Security.Cryptography.SHA256.HashDataAsync(source), await System.Security.Cryptography.SHA256.HashDataAsync(packed));
        }
    }
}

/// <summary>In a folder; a video over three parts. What the database does is the same on every store.</summary>
public sealed class ZipAlbumCrashInFolder() : ZipAlbumCrashTests(photos: 11, VideoBytes, uploaded: true)
{
    private const int VideoBytes = 17 << 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Any_call_to_the_database_may_fail(bool afterEffect) => FailEverywhereAsync(isDatabase: true, afterEffect);

    private protected override Task<IObjectStorage?> OpenStoreAsync() => Task.FromResult<IObjectStorage?>(null);
}

/// <summary>In a folder, where every CRC is found while packing.</summary>
public sealed class ZipAlbumCrashWithUnknownCrcs() : ZipAlbumCrashTests(photos: 3, videoBytes: 9 << 20, uploaded: false)
{
    private protected override Task<IObjectStorage?> OpenStoreAsync() => Task.FromResult<IObjectStorage?>(null);
}

/// <summary>Several volumes, and a replay, too: in a folder <see cref="AlbumVolumesTests"/> and <see cref="ReplayAlbumTests"/> do the same.</summary>
public abstract class ZipAlbumCrashOnS3(int videoBytes, bool uploaded) : ZipAlbumCrashTests(photos: 2, videoBytes, uploaded)
{
    /// <summary>Three volumes: the photos, the video, the list of what is missing.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Any_call_to_the_store_may_fail_while_volumes_are_made(bool afterEffect) => new CrashLoop(Workshop, isDatabase: false, afterEffect).RunAsync(
        RequestVolumesAsync,
        async id => string.Join(' ', (await Workshop.AlbumAsync(id)).Completed!.Volumes!.Select(volume => $"{volume.SizeBytes} {volume.ETag}")), // of the bytes' MD5
        async (id, history, message) =>
        {
            Assert.True(history.OfType<VolumeCompleted>().Select(volume => volume.Number).SequenceEqual([1, 2, 3]), message);
            Assert.True(history.OfType<MultipartBegun>().Count() == 3, message);
            Assert.True(history.OfType<AlbumCompleted>().Count() == 1, message);
            foreach (var volume in (await Workshop.AlbumAsync(id)).Completed!.Volumes!)
            {
                await Workshop.Objects.DeleteAsync(volume.Key, default);
            }
        });

    /// <summary>The file that was missing has come; the ZIP that stood goes once the next one is complete.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Any_call_to_the_store_may_fail_while_a_replay_runs(bool afterEffect) => new CrashLoop(Workshop, isDatabase: false, afterEffect).RunAsync(
        async () =>
        {
            var late = $"photos/late-{Guid.CreateVersion7():n}.jpg";
            var id = await Workshop.RequestAsync([.. Keys.Where(key => key != "photos/gone.jpg").Select(key => new RequestedFile(key, null)), new RequestedFile(late, "late.jpg")]);
            await Workshop.AttemptAsync(id);
            await Workshop.PutAsync(late, [7, 7, 7]);
            await ReplayAsync(id);
            return id;
        },
        async id => ((await Workshop.AlbumAsync(id)).Completed!.SizeBytes, await UnzippedAsync(id)),
        async (id, history, message) =>
        {
            var replay = history.SkipWhile(e => e is not AlbumReplayed).ToList();
            var plan = Assert.Single(replay.OfType<PlanFrozen>());
            Assert.True(Enumerable.Range(0, plan.Entries).SequenceEqual(replay.OfType<FileZipped>().Select(file => file.Index)), message);
            Assert.True(replay.OfType<MultipartBegun>().Count() == 1, message);
            Assert.True(replay.OfType<AlbumCompleted>().Count() == 1, message);
            var zips = (await Workshop.Objects.ListAsync($"albums/{id}/", null, default)).Objects.Where(stored => stored.Key.EndsWith(".zip", StringComparison.Ordinal));
            Assert.Equal([(await Workshop.AlbumAsync(id)).Completed!.Key], zips.Select(zip => zip.Key));
            await Workshop.Objects.DeleteAsync((await Workshop.AlbumAsync(id)).Completed!.Key, default);
        });

    /// <summary>The CRCs of the ZIP's files, each checked. Their times are when the test put them there.</summary>
    private async Task<string> UnzippedAsync(Guid id)
    {
        var path = await Workshop.DownloadAsync(id);
        var files = new List<string>();
        await using (var archive = await System.IO.Compression.ZipFile.OpenReadAsync(path))
        {
            foreach (var entry in archive.Entries)
            {
                await using var packed = await entry.OpenAsync(); // verifies the CRC
                await packed.CopyToAsync(Stream.Null);
                files.Add($"{entry.FullName} {entry.Crc32:x8}");
            }
        }

        File.Delete(path);
        return string.Join(' ', files);
    }
}

/// <summary>On a real S3 server.</summary>
public sealed class ZipAlbumCrashOnCeph() : ZipAlbumCrashOnS3(videoBytes: 9 << 20, uploaded: false)
{
    private S3ObjectStorage storage = null!;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        storage.Dispose();
    }

    private protected override async Task<IObjectStorage?> OpenStoreAsync() =>
        storage = new S3ObjectStorage(await CephServer.OwnBucketAsync(), TimeProvider.System);
}

/// <summary>On a server as strict as R2, which copies the part inside the video.</summary>
public sealed class ZipAlbumCrashOnR2() : ZipAlbumCrashOnS3(videoBytes: 17 << 20, uploaded: true)
{
    private R2StrictServer server = null!;
    private S3ObjectStorage storage = null!;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        storage.Dispose();
        await server.DisposeAsync();
    }

    private protected override async Task<IObjectStorage?> OpenStoreAsync()
    {
        server = await R2StrictServer.StartAsync();
        return storage = new S3ObjectStorage(server.Options, TimeProvider.System);
    }
}
