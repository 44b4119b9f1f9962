using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Albums.Contracts;
using Platform.Storage;
using Xunit;

namespace Albums.Tests;

/// <summary>An album as several ZIPs, each complete by itself, with everything that one ZIP can.</summary>
public sealed class AlbumVolumesTests : IAsyncLifetime
{
    private const long MaxBytes = 250_000;

    // The video is larger than a volume may be: it has one for itself.
    private static readonly string[] Keys =
        ["photos/0.jpg", "photos/1.jpg", "photos/2.jpg", "photos/gone.jpg", "photos/3.jpg", "photos/video.mov"];

    private static readonly string[][] Volumes = [["0.jpg", "1.jpg", "2.jpg"], ["3.jpg"], ["video.mov"], ["_MISSING.txt"]];

    private readonly Random random = new(1);
    private AlbumWorkshop workshop = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        workshop = await AlbumWorkshop.CreateAsync();
        foreach (var (key, sizeBytes) in Keys.Where(key => key != "photos/gone.jpg").Zip([0, 100_000, 100_001, 200_000, 9 << 20]))
        {
            await PutAsync(key, sizeBytes);
        }
    }

    public ValueTask DisposeAsync() => workshop.DisposeAsync();

    [Fact]
    public async Task Each_volume_is_a_complete_zip_and_each_file_is_in_one()
    {
        var id = await RequestAsync();
        await workshop.AttemptAsync(id);

        var zips = await ZipsAsync(id);
        Assert.Equal(Volumes, zips.Select(zip => zip.Names));
        Assert.Equal(["ann-bob-1.zip", "ann-bob-2.zip", "ann-bob-3.zip", "ann-bob-4.zip"], zips.Select(zip => Path.GetFileName(zip.Volume.Key)));
        Assert.Equal([true, true, false, true], zips.Select(zip => zip.Volume.SizeBytes <= MaxBytes));
        var album = await workshop.AlbumAsync(id);
        Assert.Equal((5, 1, album.Plan!.SizeBytes), (album.Completed!.Files, album.Completed.Skipped, album.Completed.SizeBytes));
        Assert.Equal(album.Plan.VolumeSizesBytes, zips.Select(zip => zip.Volume.SizeBytes));
        var closed = (await workshop.HistoryAsync(id)).OfType<VolumeCompleted>();
        Assert.Equal(album.Completed.Volumes, closed.Select(volume => volume.ToVolume()));

        var view = AlbumView.Of(id, album, DateTimeOffset.UnixEpoch);
        Assert.Equal((new Tally<int>(5, 5), new Tally<int>(5, 5)), (view.Files, view.Parts));
        Assert.Equal(view.Bytes.Total, view.Bytes.Done);
        Assert.Equal(Enumerable.Range(1, 4).Select(number => $"/v1/albums/{id}/download?volume={number}"), view.Volumes!.Select(volume => volume.DownloadUrl));
    }

    [Fact]
    public async Task An_album_that_fits_into_one_volume_is_one_like_any_other()
    {
        var id = await RequestAsync(maxVolumeBytes: 100 << 20);
        var plain = await workshop.RequestAsync(Keys);
        await workshop.AttemptAsync(id);
        await workshop.AttemptAsync(plain);
        Assert.Equal(await workshop.HashAsync(plain), await workshop.HashAsync(id));
        Assert.Equal((await workshop.AlbumAsync(plain)).Plan!.PlanHash, (await workshop.AlbumAsync(id)).Plan!.PlanHash);
        Assert.Empty((await workshop.HistoryAsync(id)).OfType<VolumeCompleted>());
    }

    /// <summary>What stands in finished volumes is not sent again, and progress never goes back.</summary>
    [Fact]
    public async Task Progress_counts_finished_volumes()
    {
        var id = await RequestAsync();
        await workshop.AttemptAsync(id);
        var album = Album.Initial;
        var done = new List<(long Bytes, int Files, int Parts, int Links)>();
        foreach (var e in await workshop.HistoryAsync(id))
        {
            album = Album.Evolve(album, e);
            var view = AlbumView.Of(id, album, DateTimeOffset.UnixEpoch);
            done.Add((view.Bytes.Done, view.Files.Done, view.Parts.Done, view.Volumes?.Count(volume => volume.DownloadUrl is not null) ?? 0));
        }

        Assert.Equal(done.Order(), done);
        Assert.Contains(done, state => state.Links == 2); // those that stand can be had before the last is there
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
        () => RequestAsync(),
        async id => (await ZipsAsync(id)).Select(zip => zip.Hash).ToList(),
        (_, history, message) =>
        {
            AssertEachOnce(history, message);
            return Task.CompletedTask;
        });

    private static void AssertEachOnce(List<IAlbumEvent> history, string message)
    {
        var plan = Assert.Single(history.OfType<PlanFrozen>());
        Assert.True(Enumerable.Range(0, plan.Entries).SequenceEqual(history.OfType<FileZipped>().Select(file => file.Index)), message);
        Assert.True(history.OfType<MultipartBegun>().Count() == 4, message);
        Assert.True(history.OfType<PartStored>().Select(part => part.Number).Order().SequenceEqual([1, 1, 1, 1, 2]), message);
        Assert.True(history.OfType<VolumeCompleted>().Select(volume => volume.Number).SequenceEqual([1, 2, 3, 4]), message);
        Assert.True(history.OfType<FileSkipped>().Count() == 1, message);
        Assert.True(history.OfType<AlbumCompleted>().Count() == 1, message);
    }

    /// <summary>Lost as the first of the volume's, and the only one of it: what is complete stays, and what follows moves up.</summary>
    [Theory]
    [InlineData("photos/3.jpg", 1)]
    [InlineData("photos/video.mov", 2)]
    public async Task A_file_that_is_lost_leaves_finished_volumes_as_they_are(string key, int volumesBefore)
    {
        var id = await RequestAsync();
        await workshop.PlanAsync(id);
        await workshop.Objects.DeleteAsync(key, Cancel);
        await workshop.AttemptAsync(id);

        var zips = await ZipsAsync(id);
        var lost = Path.GetFileName(key);
        Assert.Equal(Volumes.SelectMany(names => names).Where(name => name != lost), zips.SelectMany(zip => zip.Names));
        Assert.Equal(Volumes.Take(volumesBefore), zips.Take(volumesBefore).Select(zip => zip.Names));
        var history = await workshop.HistoryAsync(id);
        Assert.Equal(Enumerable.Range(1, zips.Count), history.OfType<VolumeCompleted>().Select(volume => volume.Number));
        Assert.Equal((4, 2), (history.OfType<AlbumCompleted>().Single().Files, history.OfType<AlbumCompleted>().Single().Skipped));
        Assert.Equal(history.OfType<FileZipped>().Select(file => file.Index).Distinct(), Enumerable.Range(0, 5));
    }

    [Fact]
    public async Task A_replay_makes_all_volumes_anew_and_removes_the_old_ones()
    {
        var id = await RequestAsync();
        await workshop.AttemptAsync(id);
        await PutAsync("photos/gone.jpg", 50_000);
        await DecideAsync(id, album => ReplayAlbumHandler.Decide(album, new ReplayAlbum(id, "admin"), DateTimeOffset.UnixEpoch));
        await workshop.AttemptAsync(id);
        var zips = await ZipsAsync(id);
        Assert.Equal([["0.jpg", "1.jpg", "2.jpg"], ["gone.jpg"], ["3.jpg"], ["video.mov"]], zips.Select(zip => zip.Names));
        Assert.Equal(zips.Select(zip => zip.Volume.Key), (await KeysAsync(id)).Where(key => key.EndsWith(".zip", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task An_album_that_is_cancelled_at_any_moment_leaves_nothing()
    {
        for (var (call, isCancelled) = (1, true); isCancelled; call++)
        {
            var id = await RequestAsync();
            isCancelled = false;
            workshop.Storage.FailAt(0, afterEffect: false);
            workshop.Storage.BeforeCall = async number =>
            {
                if (number == call && (await workshop.AlbumAsync(id)).IsWaitingForWork)
                {
                    isCancelled = true;
                    await DecideAsync(id, album => CancelAlbumHandler.Decide(album, new CancelAlbum(id, "ann"), DateTimeOffset.UnixEpoch));
                }
            };
            await Record.ExceptionAsync(() => workshop.AttemptAsync(id)); // what it dies of, its job would repeat
            workshop.Storage.BeforeCall = null;
            await workshop.AttemptAsync(id);
            Assert.Equal(isCancelled, (await KeysAsync(id)).Length == 0);
        }
    }

    [Fact]
    public async Task Each_volume_is_downloaded_before_it_is_packed_and_afterwards_the_same()
    {
        foreach (var key in Keys.Where(key => key != "photos/gone.jpg"))
        {
            var bytes = new byte[key.EndsWith(".mov", StringComparison.Ordinal) ? 200_000 : 100_000];
            random.NextBytes(bytes);
            await workshop.UploadAsync(key, Path.GetFileName(key), bytes); // so that their CRCs are known
        }

        var id = await RequestAsync();
        await using var server = await workshop.ServeAsync();
        var before = await DownloadsAsync(server, id, volumes: 3);
        Assert.Equal(3, before.Select(zip => zip.ETag).Distinct().Count());
        Assert.Equal(["ann-bob-1-of-3.zip", "ann-bob-2-of-3.zip", "ann-bob-3-of-3.zip"], before.Select(zip => zip.FileName));
        using var none = await server.Client.GetAsync(UrlOf(id, 4), Cancel);
        Assert.Equal((HttpStatusCode.NotFound, "VOLUME_NOT_FOUND"), (none.StatusCode, await CodeAsync(none)));

        await workshop.AttemptAsync(id);
        var after = await DownloadsAsync(server, id, volumes: 3);
        Assert.Equal(before.Select(zip => (zip.ETag, zip.FileName, zip.Hash)), after.Select(zip => (zip.ETag, zip.FileName, zip.Hash)));
        Assert.Equal((await ZipsAsync(id)).Select(zip => zip.Hash), after.Select(zip => zip.Hash));

        await workshop.Objects.DeleteAsync((await workshop.AlbumAsync(id)).Completed!.Volumes![1].Key, Cancel);
        var again = await DownloadsAsync(server, id, volumes: 3);
        Assert.Equal(before.Select(zip => zip.Hash), again.Select(zip => zip.Hash));
    }

    /// <summary>Nobody knows the CRCs of what is still to be packed; the volumes that stand need none.</summary>
    [Fact]
    public async Task A_volume_that_is_complete_is_downloaded_while_others_are_not()
    {
        var id = await RequestAsync();
        workshop.Storage.BeforeCall = async _ =>
        {
            if ((await workshop.AlbumAsync(id)).Volumes.Count == 2)
            {
                throw new StorageException(StorageError.Unavailable, "The test ends the worker here.");
            }
        };
        await Assert.ThrowsAsync<StorageException>(() => workshop.AttemptAsync(id));
        await using var server = await workshop.ServeAsync();
        await DownloadsAsync(server, id, volumes: 2);
        using var third = await server.Client.GetAsync(UrlOf(id, 3), Cancel);
        Assert.Equal((HttpStatusCode.Conflict, "ALBUM_NOT_READY"), (third.StatusCode, await CodeAsync(third)));

        await workshop.Objects.DeleteAsync((await workshop.AlbumAsync(id)).Volumes[0].Key, Cancel);
        using var first = await server.Client.GetAsync(UrlOf(id, 1), Cancel);
        Assert.Equal((HttpStatusCode.Gone, "ALBUM_GONE"), (first.StatusCode, await CodeAsync(first)));
    }

    [Fact]
    public async Task The_mail_and_the_webhook_name_all_volumes()
    {
        var id = Guid.CreateVersion7();
        AlbumVolume[] volumes = [new(1, "albums/x/ann-bob-1.zip", 4_000_000_000, "e1"), new(2, "albums/x/ann-bob-2.zip", 100, "e2")];
        IAlbumEvent[] history =
        [
            new AlbumRequested("ann-bob", [], null, ["ann@example.com"], DateTimeOffset.UnixEpoch, "https://example.com/hook", 4_000_000_000),
            new AlbumCompleted("ann-bob", volumes[0].Key, 4_000_000_100, "e1", 3, 0, DateTimeOffset.UnixEpoch, null, volumes),
        ];
        await DecideAsync(id, _ => history);
        var options = new AlbumOptions(new Uri("https://photos.example.com/"));
        string[] links = [$"https://photos.example.com/v1/albums/{id}/download?volume=1", $"https://photos.example.com/v1/albums/{id}/download?volume=2"];

        var mailer = new KeepingMailer();
        await new SendAlbumLinkHandler(workshop.Events, workshop.MailBy(mailer, options), workshop.Texts, TimeProvider.System)
            .RunAsync(new SendAlbumLink(id), Cancel);
        var mail = Assert.Single(mailer.Sent);
        var text = mail.Text.ReplaceLineEndings("\n");
        var own = Regex.Match(text, @"\n(\S+)\?volume=1\n").Groups[1].Value; // the recipient's
        Assert.StartsWith($"https://photos.example.com/v1/albums/{id}/download/", own, StringComparison.Ordinal);
        Assert.Contains($"\n{own}?volume=2\n", text, StringComparison.Ordinal);
        Assert.Contains($"<a href=\"{own}?volume=1\"", mail.Html, StringComparison.Ordinal);
        Assert.Contains($"<a href=\"{own}?volume=2\"", mail.Html, StringComparison.Ordinal);
        Assert.Contains("Download part 1 of 2 (4.0 GB)", mail.Html, StringComparison.Ordinal);

        var message = await SendAlbumWebhookHandler.ComposeAsync(workshop.Events, options, id, version: 2, Cancel);
        Assert.Equal(links, ((SettledAlbum)message!.Data).Volumes!.Select(volume => volume.DownloadUrl));
    }

    private async Task<Guid> RequestAsync(long maxVolumeBytes = MaxBytes)
    {
        var id = Guid.CreateVersion7();
        var requested = new AlbumRequested(
            "ann-bob", [.. Keys.Select(key => new RequestedFile(key, null))], null, [], DateTimeOffset.UnixEpoch, MaxVolumeBytes: maxVolumeBytes);
        await DecideAsync(id, album => RequestAlbumHandler.Decide(album, requested));
        return id;
    }

    private Task DecideAsync(Guid id, Func<Album, IReadOnlyList<IAlbumEvent>> decide) => workshop.Events.DecideAsync<Album, IAlbumEvent>(id, decide, Cancel);

    private Task PutAsync(string key, int sizeBytes)
    {
        var bytes = new byte[sizeBytes];
        random.NextBytes(bytes);
        return workshop.PutAsync(key, bytes);
    }

    private async Task<string[]> KeysAsync(Guid id) =>
        [.. (await workshop.Objects.ListAsync($"albums/{id}/", continuation: null, Cancel)).Objects.Select(stored => stored.Key)];

    private static Uri UrlOf(Guid id, int volume) => new($"/v1/albums/{id}/download?volume={volume}", UriKind.Relative);

    private static async Task<string?> CodeAsync(HttpResponseMessage answer)
    {
        using var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel));
        return problem.RootElement.GetProperty("error").GetProperty("code").GetString();
    }

    /// <summary>The volumes as they stand in the store. Each unzips.</summary>
    private async Task<List<(AlbumVolume Volume, string Hash, string[] Names)>> ZipsAsync(Guid id)
    {
        var zips = new List<(AlbumVolume, string, string[])>();
        foreach (var volume in (await workshop.AlbumAsync(id)).Completed!.Volumes!)
        {
            var path = Path.Combine(workshop.StorageFolder, volume.Key);
            await using var file = File.OpenRead(path);
            Assert.Equal(volume.SizeBytes, file.Length);
            var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, Cancel));
            await using var archive = await ZipFile.OpenReadAsync(path, Cancel);
            foreach (var entry in archive.Entries)
            {
                await using var packed = await entry.OpenAsync(Cancel); // verifies the CRC
                await packed.CopyToAsync(Stream.Null, Cancel);
            }

            zips.Add((volume, hash, [.. archive.Entries.Select(entry => entry.Name)]));
        }

        return zips;
    }

    private static async Task<List<(string ETag, string FileName, string Hash)>> DownloadsAsync(AlbumServer server, Guid id, int volumes)
    {
        var zips = new List<(string, string, string)>();
        for (var volume = 1; volume <= volumes; volume++)
        {
            using var answer = await server.Client.GetAsync(UrlOf(id, volume), Cancel);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            var zip = await answer.Content.ReadAsByteArrayAsync(Cancel);
            zips.Add((answer.Headers.ETag!.Tag, answer.Content.Headers.ContentDisposition!.FileName!, Convert.ToHexStringLower(SHA256.HashData(zip))));

            using var request = new HttpRequestMessage(HttpMethod.Get, UrlOf(id, volume));
            request.Headers.Range = new RangeHeaderValue(zip.Length / 3, zip.Length / 2);
            request.Headers.IfRange = new RangeConditionHeaderValue(answer.Headers.ETag);
            using var range = await server.Client.SendAsync(request, Cancel);
            Assert.Equal((HttpStatusCode.PartialContent, zip.Length), (range.StatusCode, range.Content.Headers.ContentRange!.Length));
            Assert.Equal(zip[(zip.Length / 3)..((zip.Length / 2) + 1)], await range.Content.ReadAsByteArrayAsync(Cancel));

            using var head = await server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, UrlOf(id, volume)), Cancel);
            Assert.Equal((answer.Headers.ETag, zip.Length), (head.Headers.ETag, head.Content.Headers.ContentLength));
        }

        return zips;
    }
}
