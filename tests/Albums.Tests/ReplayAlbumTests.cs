using System.IO.Compression;
using System.Net;
using Albums.Contracts;
using Platform.Storage;
using Xunit;

namespace Albums.Tests;

/// <summary>A complete album that lacks files is replayed: they come in, the rest stays, and until then the link gives what it gave.</summary>
public sealed class ReplayAlbumTests : IAsyncLifetime
{
    private static readonly string[] Keys = ["photos/1.jpg", "photos/late.jpg", "photos/2.jpg", "photos/never.jpg", "photos/video.mov"];

    private readonly Random random = new(1);
    private AlbumWorkshop workshop = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        workshop = await AlbumWorkshop.CreateAsync();
        await PutAsync("photos/1.jpg", 1000);
        await PutAsync("photos/2.jpg", 100_000);
        await PutAsync("photos/video.mov", 9 << 20);
    }

    public ValueTask DisposeAsync() => workshop.DisposeAsync();

    [Fact]
    public async Task What_was_missing_comes_in_at_its_place_and_the_rest_is_as_it_was()
    {
        var id = await CompletedAsync();
        await PutAsync("photos/late.jpg", 2000);
        await ReplayAsync(id);
        await workshop.AttemptAsync(id);

        var album = await workshop.AlbumAsync(id);
        Assert.Equal((AlbumStatus.Completed, 4, 1), (album.Status, album.Completed!.Files, album.Completed.Skipped));
        Assert.Equal(["photos/never.jpg"], album.Skipped.Select(file => file.Key));
        await AssertUnzipsAsync(id, "1.jpg", "late.jpg", "2.jpg", "video.mov");
        var view = AlbumView.Of(id, album, DateTimeOffset.UnixEpoch);
        Assert.Equal((new Tally<int>(4, 4), new Tally<int>(2, 2), 1), (view.Files, view.Parts, view.MissingFiles));
        Assert.Equal("Completed", await workshop.ListedStatusAsync(id));
    }

    /// <summary>The CRCs that the first packing found stand in the next plan: no header but that of the new file waits for one.</summary>
    [Fact]
    public async Task What_the_first_packing_found_is_known_to_the_next()
    {
        var id = await CompletedAsync();
        await PutAsync("photos/late.jpg", 2000);
        await ReplayAsync(id);
        await workshop.AttemptAsync(id);
        int[] read = [.. (await workshop.HistoryAsync(id)).OfType<PlanFrozen>().Select(plan => plan.EntriesToRead!.Value)];
        Assert.Equal([3, 2], read);
    }

    [Fact]
    public async Task The_link_gives_the_zip_that_stands_until_the_next_is_complete()
    {
        var id = await CompletedAsync();
        await using var server = await workshop.ServeAsync();
        var (etag, zip) = await DownloadAsync(server, id);
        await PutAsync("photos/late.jpg", 2000);

        using (var replayed = await server.Client.PostAsync(new Uri($"/v1/albums/{id}/replay", UriKind.Relative), content: null, Cancel))
        {
            Assert.Equal(HttpStatusCode.NoContent, replayed.StatusCode);
        }

        var calls = 0;
        workshop.Storage.BeforeCall = async _ =>
        {
            if ((await workshop.AlbumAsync(id)).Status is AlbumStatus.Completed)
            {
                return; // the one before is being removed
            }

            calls++;
            var (sameETag, sameZip) = await DownloadAsync(server, id);
            Assert.Equal((etag, true), (sameETag, zip.AsSpan().SequenceEqual(sameZip)));
        };
        await workshop.AttemptAsync(id);
        workshop.Storage.BeforeCall = null;
        Assert.InRange(calls, 8, 100);

        var (newETag, newZip) = await DownloadAsync(server, id);
        Assert.NotEqual(etag, newETag);
        Assert.Equal(await workshop.HashAsync(id), Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(newZip)));
        Assert.Null(await workshop.Objects.HeadAsync((await workshop.AlbumAsync(id)).Superseded.Single(), Cancel));
    }

    /// <summary>The standing ZIP is lost while the replay runs, and CRCs were found while packing: it is made of the files, with its own CRCs.</summary>
    [Fact]
    public async Task A_standing_zip_that_is_lost_is_made_of_its_files()
    {
        var id = await CompletedAsync();
        await using var server = await workshop.ServeAsync();
        var (_, zip) = await DownloadAsync(server, id);
        await PutAsync("photos/late.jpg", 2000);
        await ReplayAsync(id);
        workshop.Storage.BeforeCall = async _ =>
        {
            if ((await workshop.AlbumAsync(id)).FilesZipped > 1)
            {
                throw new StorageException(StorageError.Unavailable, "Enough for now.");
            }
        };
        await Assert.ThrowsAnyAsync<Exception>(() => workshop.AttemptAsync(id));
        workshop.Storage.BeforeCall = null;
        var album = await workshop.AlbumAsync(id);
        Assert.Equal(AlbumStatus.Zipping, album.Status);

        await workshop.Objects.DeleteAsync(album.Zip!.Key, Cancel);
        var (_, again) = await DownloadAsync(server, id);
        Assert.True(zip.AsSpan().SequenceEqual(again));
    }

    [Fact]
    public async Task Where_nothing_is_found_the_zip_stays()
    {
        var id = await CompletedAsync();
        var before = await workshop.AlbumAsync(id);
        await ReplayAsync(id);
        await workshop.AttemptAsync(id);

        Assert.Equal("NOTHING_FOUND", (await workshop.HistoryAsync(id)).OfType<ReplayEnded>().Single().Reason);
        await AssertStandsAsync(id, before);
        await ReplayAsync(id); // somebody may look again
        Assert.Equal(AlbumStatus.Requested, (await workshop.AlbumAsync(id)).Status);
    }

    /// <summary>Only what was missing is looked at, so that the other is noticed only when it is packed. The ZIP that stands has it.</summary>
    [Fact]
    public async Task A_replay_takes_no_file_away()
    {
        var id = await CompletedAsync();
        var before = await workshop.AlbumAsync(id);
        await PutAsync("photos/late.jpg", 2000);
        await PutAsync("photos/2.jpg", 99_999);
        await ReplayAsync(id);
        await workshop.AttemptAsync(id);

        Assert.Equal("FILE_LOST", (await workshop.HistoryAsync(id)).OfType<ReplayEnded>().Single().Reason);
        await AssertStandsAsync(id, before);
    }

    /// <summary>Lost while packing, from albums of a prefix and of a wedding: nobody named the file, but where it was is known.</summary>
    [Theory]
    [InlineData("photos/")]
    [InlineData(null)]
    public async Task A_file_that_nobody_named_comes_in(string? prefix)
    {
        byte[] bytes = [1, 2, 3];
        await workshop.UploadAsync("photos/0.jpg", "zero.jpg", bytes);
        await workshop.UploadAsync("photos/9.jpg", "nine.jpg", bytes);
        var id = Guid.CreateVersion7();
        var requested = new AlbumRequested("ann-bob", [], prefix, [], DateTimeOffset.UnixEpoch);
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(id, album => RequestAlbumHandler.Decide(album, requested), Cancel);
        await workshop.PlanAsync(id);
        await workshop.Objects.DeleteAsync("photos/0.jpg", Cancel);
        await workshop.AttemptAsync(id);
        Assert.Equal(1, (await workshop.AlbumAsync(id)).Completed!.Skipped);

        await workshop.UploadAsync("photos/0.jpg", "zero.jpg", bytes);
        await PutAsync("photos/later.jpg", 10); // of another album: only what was missing is looked for
        await ReplayAsync(id);
        await workshop.AttemptAsync(id);
        var album = await workshop.AlbumAsync(id);
        Assert.Equal((prefix is null ? 2 : 5, 0), (album.Completed!.Files, album.Completed.Skipped));
        Assert.Equal(1, album.Plan!.EntriesToRead); // it has other bytes than Uploads knew
    }

    [Fact]
    public async Task A_replay_that_is_cancelled_at_any_moment_leaves_the_album_as_it_was()
    {
        var id = await CompletedAsync();
        await PutAsync("photos/late.jpg", 2000);
        var before = await workshop.AlbumAsync(id);
        var left = await KeysAsync(id);
        for (var (call, isCancelled) = (1, true); isCancelled; call++)
        {
            await ReplayAsync(id);
            isCancelled = false;
            workshop.Storage.FailAt(0, afterEffect: false);
            workshop.Storage.BeforeCall = async number =>
            {
                if (number == call && (await workshop.AlbumAsync(id)).Status is not AlbumStatus.Completed)
                {
                    isCancelled = true;
                    await DecideAsync(id, album => CancelAlbumHandler.Decide(album, new CancelAlbum(id, "ann"), DateTimeOffset.UnixEpoch));
                }
            };
            await Record.ExceptionAsync(() => workshop.AttemptAsync(id)); // what it dies of, its job would repeat
            workshop.Storage.BeforeCall = null;
            await workshop.AttemptAsync(id);
            if (isCancelled)
            {
                await AssertStandsAsync(id, before);
                Assert.Equal(left, (await KeysAsync(id)).Where(key => !key.EndsWith(".json", StringComparison.Ordinal) || left.Contains(key)));
            }
        }

        Assert.Equal(4, (await workshop.AlbumAsync(id)).Completed!.Files);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Any_call_to_the_store_may_fail(bool afterEffect) => FailEverywhereAsync(isDatabase: false, afterEffect);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Any_call_to_the_database_may_fail(bool afterEffect) => FailEverywhereAsync(isDatabase: true, afterEffect);

    private Task FailEverywhereAsync(bool isDatabase, bool afterEffect) => new CrashLoop(workshop, isDatabase, afterEffect).RunAsync(
        ReplayedAsync,
        workshop.HashAsync,
        async (id, history, message) =>
        {
            var replay = history.SkipWhile(e => e is not AlbumReplayed).ToList();
            var plan = Assert.Single(replay.OfType<PlanFrozen>());
            Assert.True(Enumerable.Range(0, plan.Entries).SequenceEqual(replay.OfType<FileZipped>().Select(file => file.Index)), message);
            Assert.True(replay.OfType<PartStored>().Select(part => part.Number).Order().SequenceEqual([1, 2]), message);
            Assert.True(replay.OfType<MultipartBegun>().Count() == 1, message);
            Assert.True(replay.OfType<AlbumCompleted>().Count() == 1, message);
            Assert.True(replay.OfType<FileSkipped>().Count() == 1, message);
            Assert.Single(await KeysAsync(id), key => key.EndsWith(".zip", StringComparison.Ordinal));
        });

    private async Task<Guid> ReplayedAsync()
    {
        await workshop.Objects.DeleteAsync("photos/late.jpg", Cancel);
        var id = await CompletedAsync();
        await workshop.PutAsync("photos/late.jpg", [7, 7, 7]);
        File.SetLastWriteTimeUtc(Path.Combine(workshop.StorageFolder, "photos/late.jpg"), DateTime.UnixEpoch.AddYears(50)); // it stands in the ZIP
        await ReplayAsync(id);
        return id;
    }

    private async Task<Guid> CompletedAsync()
    {
        var id = await workshop.RequestAsync(Keys);
        await workshop.AttemptAsync(id);
        Assert.Equal(2, (await workshop.AlbumAsync(id)).Completed!.Skipped);
        return id;
    }

    private Task ReplayAsync(Guid id) =>
        DecideAsync(id, album => ReplayAlbumHandler.Decide(album, new ReplayAlbum(id, "admin"), DateTimeOffset.UnixEpoch));

    private Task DecideAsync(Guid id, Func<Album, IReadOnlyList<IAlbumEvent>> decide) => workshop.Events.DecideAsync<Album, IAlbumEvent>(id, decide, Cancel);

    private Task PutAsync(string key, int sizeBytes)
    {
        var bytes = new byte[sizeBytes];
        random.NextBytes(bytes);
        return workshop.PutAsync(key, bytes);
    }

    private async Task<string[]> KeysAsync(Guid id) =>
        [.. (await workshop.Objects.ListAsync($"albums/{id}/", continuation: null, Cancel)).Objects.Select(stored => stored.Key)];

    private static async Task<(string ETag, byte[] Zip)> DownloadAsync(AlbumServer server, Guid id)
    {
        using var answer = await server.Client.GetAsync(new Uri($"/v1/albums/{id}/download", UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (answer.Headers.ETag!.Tag, await answer.Content.ReadAsByteArrayAsync(Cancel));
    }

    private async Task AssertStandsAsync(Guid id, Album before)
    {
        var album = await workshop.AlbumAsync(id);
        Assert.Equal((AlbumStatus.Completed, before.Completed, before.Plan), (album.Status, album.Completed, album.Plan));
        Assert.Equal(before.Skipped, album.Skipped);
        Assert.Equal("Completed", await workshop.ListedStatusAsync(id));
        await AssertUnzipsAsync(id, "1.jpg", "2.jpg", "video.mov");
    }

    private async Task AssertUnzipsAsync(Guid id, params string[] names)
    {
        await using var archive = await ZipFile.OpenReadAsync(await workshop.DownloadAsync(id), Cancel);
        Assert.Equal([.. names, "_MISSING.txt"], archive.Entries.Select(entry => entry.Name));
        foreach (var entry in archive.Entries)
        {
            await using var packed = await entry.OpenAsync(Cancel); // verifies the CRC
            await packed.CopyToAsync(Stream.Null, Cancel);
        }
    }
}
