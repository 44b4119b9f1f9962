using System.Net;
using System.Net.Http.Json;
using Assets.Client;
using Xunit;

namespace Assets.Tests;

/// <summary>From a folder to a site that is served, over the whole way.</summary>
public abstract class SyncTests : SiteTest
{
    private const int Images = 12;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        for (var i = 0; i < Images; i++)
        {
            Write($"assets/cover-{i}.jpg", [0xFF, 0xD8, 0xFF, 0xE0, .. Bytes(20_000 + i)]);
        }

        Write("index.html", "<!doctype html><img src=assets/cover-1.jpg>");
        Write("albums/index.html", "<!doctype html>albums");
        Write("assets/app-3f2a.js", "export default 1");
        Write("empty.txt", "");
        Write("Größe 世界.svg", "<svg/>");
        Write("readme.TXT", "upper");
        Write("README.txt", "other case");
    }

    [Fact]
    public async Task A_folder_becomes_a_site()
    {
        var result = await SyncAsync();
        Assert.Equal(("activated", 1, Images + 7), (result.Outcome, result.Release!.Value, result.Files));
        await AssertServedAsync();
        Assert.Equal(["site_registered", "sync_started", "sync_completed", "release_activated", "sync_reported"], await Server.HistoryAsync(Site));
        using var image = await Server.GetAsync($"/sites/{Site}/production/assets/cover-3.jpg");
        Assert.Equal("image/jpeg", image.Content.Headers.ContentType?.MediaType);
        using var page = await Server.GetAsync($"/sites/{Site}/production/albums/");
        Assert.Equal("text/html", page.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith("sandbox ", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        using var elsewhere = await Server.GetAsync($"/sites/{Site}/production/albums");
        Assert.Equal($"/sites/{Site}/production/albums/", elsewhere.RequestMessage!.RequestUri!.AbsolutePath); // after a redirect
        using var missing = await Server.GetAsync($"/sites/{Site}/production/nothing.html");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public async Task Where_nothing_changed_nothing_is_sent_and_the_store_is_not_asked()
    {
        await SyncAsync();
        Storage.FailAt(0, afterEffect: false);
        foreach (var file in Directory.EnumerateFiles(Dist, "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddMinutes(-1)); // as a build does that writes all files again
        }

        var again = await SyncAsync();
        Assert.Equal(("unchanged", 1, 0), (again.Outcome, again.Release!.Value, again.UploadedObjects));
        Assert.Equal(0, Storage.Calls);
        Assert.Equal(5, (await Server.HistoryAsync(Site)).Count);
    }

    [Fact]
    public async Task Only_what_changed_is_sent()
    {
        await SyncAsync();
        Write("assets/cover-3.jpg", Bytes(100));
        Write("copy of 3.jpg", Bytes(100));
        var second = await SyncAsync();
        Assert.Equal((2, 1, 100L, Images + 6), (second.Release!.Value, second.UploadedObjects, second.UploadedBytes, second.UnchangedFiles));
        await AssertServedAsync();
    }

    [Fact]
    public async Task Files_stay_unless_they_are_to_go()
    {
        await SyncAsync();
        File.Delete(Path.Combine(Dist, "index.html"));
        Write("new.html", "new");
        Assert.Equal(0, (await SyncAsync()).RemovedFiles);
        await ServedAsync("index.html");
        Assert.Equal(1, (await SyncAsync(options => options with { Delete = true })).RemovedFiles);
        using var gone = await Server.GetAsync($"/sites/{Site}/production/index.html");
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
        await AssertServedAsync();
    }

    [Fact]
    public async Task A_dry_run_tells_what_there_is_to_do_and_does_nothing()
    {
        var dry = await SyncAsync(options => options with { DryRun = true });
        Assert.Equal(("dry-run", default(int?), Images + 7), (dry.Outcome, dry.Release, dry.UploadedObjects));
        Assert.Equal((Images + 8, 1), (dry.Cost!.ClassAOperations, dry.Cost.ClassBOperations));
        Assert.Equal(((Images + 8) * 4.50e-6m) + 0.36e-6m, dry.Cost.OperationsUsd);
        Assert.Equal(["site_registered"], await Server.HistoryAsync(Site));
        Assert.Empty((await Inner.ListAsync($"sites/{Site}/", null, Cancel)).Objects);
    }

    [Fact]
    public async Task Environments_serve_releases_of_their_own_and_share_objects()
    {
        await SyncAsync(options => options with { Environment = "staging" });
        var production = await SyncAsync();
        Assert.Equal((2, 0), (production.Release!.Value, production.UploadedObjects));
        await AssertServedAsync("staging");
        await AssertServedAsync();
    }

    [Fact]
    public async Task Of_two_syncs_at_once_the_later_wins_and_the_other_is_told()
    {
        var first = await StartAsync("a");
        var second = await StartAsync("b");
        var path = $"/v1/sites/{Site}/syncs/{first.SyncId}";
        await Server.RefusedAsync($"{path}/uploads", new { objects = first.Missing }, 409, "SYNC_SUPERSEDED");
        await Server.RefusedAsync($"{path}/commit", null, 409, "SYNC_SUPERSEDED");
        await Server.RefusedAsync($"/v1/sites/{Site}/syncs/{second.SyncId}/commit", null, 409, "SYNC_INCOMPLETE");
        await Server.RefusedAsync($"/v1/sites/{Site}/syncs/{Guid.NewGuid()}/commit", null, 404, "SYNC_NOT_FOUND");
        var other = await SyncAsync();
        Assert.Equal("activated", other.Outcome);
        await Server.RefusedAsync($"/v1/sites/{Site}/syncs/{second.SyncId}/commit", null, 409, "SYNC_SUPERSEDED");
    }

    [Fact]
    public async Task The_same_files_go_on_with_the_sync_that_was_under_way()
    {
        var first = await StartAsync("a");
        Assert.Equal(first.SyncId, (await StartAsync("a")).SyncId);
        Assert.NotEqual(first.SyncId, (await StartAsync("b")).SyncId);
    }

    [Fact]
    public async Task Other_bytes_than_the_name_says_are_not_taken()
    {
        var sync = await StartAsync("right");
        var upload = (await Server.PostAsync($"/v1/sites/{Site}/syncs/{sync.SyncId}/uploads", new { objects = sync.Missing })).GetProperty("uploads")[0];
        var url = upload.GetProperty("url").GetString()!;
        foreach (var wrong in new[] { "wrong", "longer than that" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, new Uri(url, UriKind.RelativeOrAbsolute)) { Content = new StringContent(wrong) };
            request.Content.Headers.ContentType = null;
            foreach (var header in upload.GetProperty("headers").EnumerateObject())
            {
                Assert.True(
                    request.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString())
                    || request.Content.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString()));
            }

            using var answer = await Server.Client.SendAsync(request, Cancel);
            if (!answer.IsSuccessStatusCode)
            {
                Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
                continue;
            }

            // This server does not know SHA-256: what it took does not count.
            Assert.False(url.StartsWith('/'));
            var stored = await Server.PostAsync($"/v1/sites/{Site}/syncs/{sync.SyncId}/stored", new { objects = sync.Missing });
            Assert.Equal(sync.Missing[0], stored.GetProperty("refused")[0].GetString());
        }

        await Server.RefusedAsync($"/v1/sites/{Site}/syncs/{sync.SyncId}/commit", null, 409, "SYNC_INCOMPLETE");
    }

    [Fact]
    public async Task A_file_that_changes_while_it_is_sent_is_noticed_and_sent_as_it_is_then()
    {
        Storage.BeforeCall = call =>
        {
            if (call == 1)
            {
                Write("index.html", "changed after it was hashed"); // before the manifest is stored, and thus before it is sent
            }

            return Task.CompletedTask;
        };
        var output = new StringWriter();
        var result = await Server.SyncAsync(Dist, output: output, site: Site);
        Assert.Equal("activated", result.Outcome);
        Assert.Contains("index.html changed while it was sent. Once more from the beginning.", output.ToString(), StringComparison.Ordinal);
        Assert.Equal("changed after it was hashed"u8.ToArray(), await ServedAsync("index.html"));
        Assert.Contains("sync_started", (await Server.HistoryAsync(Site)).Skip(2)); // other files are another sync
    }

    [Fact]
    public async Task Most_files_do_not_go_unless_that_is_meant()
    {
        for (var i = 0; i < 101; i++)
        {
            Write($"many/{i}.txt", $"{i}");
        }

        await SyncAsync();
        Directory.Delete(Path.Combine(Dist, "many"), recursive: true);
        var refusal = await Assert.ThrowsAsync<SiteApiException>(() => SyncAsync(options => options with { Delete = true }));
        Assert.Equal("TOO_MANY_REMOVALS", refusal.Code);
        Assert.Equal(101, (await SyncAsync(options => options with { Delete = true, AllowMassRemoval = true })).RemovedFiles);
    }

    internal async Task<SyncPlan> StartAsync(string text)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        var file = new AssetFile("a.txt", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)), bytes.Length, "text/plain");
        using var answer = await Server.Client.PostAsJsonAsync($"/v1/sites/{Site}/syncs", new StartSync("production", [file]), Cancel);
        return (await answer.Content.ReadFromJsonAsync<SyncPlan>(Cancel))!;
    }

    protected static byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }
}

public sealed class FolderSyncTests : SyncTests
{
    [Fact]
    [Trait("Category", "Long")]
    public async Task A_site_may_have_a_hundred_thousand_files()
    {
        for (var i = 0; i < 100_000; i++)
        {
            Write($"many/{i / 1000}/{i}.txt", $"{i % 100}");
        }

        var result = await SyncAsync();
        Assert.Equal(("activated", 100_019, 119), (result.Outcome, result.Files, result.UploadedObjects));
        Assert.Equal("99"u8.ToArray(), await ServedAsync("many/99/99999.txt"));
        Assert.Equal("unchanged", (await SyncAsync()).Outcome);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_file_may_have_five_gibibytes()
    {
        const long most = 5L << 30;
        Write("film.mov", "");
        using (var film = File.OpenWrite(Path.Combine(Dist, "film.mov")))
        {
            film.SetLength(most); // of nothing
        }

        Assert.Equal("activated", (await SyncAsync()).Outcome);
        using var served = await Server.Client.GetAsync(new Uri($"/sites/{Site}/production/film.mov", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Cancel);
        Assert.Equal(most, served.Content.Headers.ContentLength);
    }

    /// <summary>Whatever call to the store fails, before or after its effect: it is tried again, and what is served is whole.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_single_fault_of_the_store_is_survived(bool afterEffect)
    {
        await SyncAsync();
        for (var (call, calls) = (1, int.MaxValue); call <= calls; call++)
        {
            Write("index.html", $"version {call}");
            Write("assets/cover-1.jpg", Bytes(500 + call));
            Storage.FailAt(call, afterEffect);
            var result = await SyncAsync();
            calls = Storage.Calls;
            Assert.Equal("activated", result.Outcome);
            Storage.FailAt(0, afterEffect: false);
            Assert.Equal($"version {call}", System.Text.Encoding.UTF8.GetString(await ServedAsync("index.html")));
        }

        await AssertServedAsync();
    }
}

/// <summary>On a real S3 server, reached as R2 is: files go straight into the bucket.</summary>
public sealed class S3SyncTests : SyncTests
{
    protected override bool IsOnS3 => true;
}
