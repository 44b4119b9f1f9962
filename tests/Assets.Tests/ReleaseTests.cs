using System.Net;
using System.Net.Http.Json;
using System.Text;
using Xunit;

namespace Assets.Tests;

/// <summary>What becomes of releases: back and on, how they are cached, and what goes with those that are not kept.</summary>
public sealed class ReleaseTests : SiteTest
{
    private const int Kept = 10;

    [Fact]
    public async Task A_release_is_rolled_back_and_nothing_is_sent()
    {
        await ReleaseAsync("one");
        await ReleaseAsync("two");
        Storage.FailAt(0, afterEffect: false);
        await ActivateAsync(1);
        await ActivateAsync(1);
        Assert.Equal(0, Storage.Calls);
        Assert.Equal("one", await PageAsync());
        Assert.Equal(1, (await Server.HistoryAsync(Site)).Count(type => type == "release_activated") - 2);
        Assert.Equal(3, (await ReleaseAsync("three")).Release);
        Assert.Equal("three", await PageAsync());
    }

    [Fact]
    public async Task What_was_tried_on_staging_goes_on_to_production()
    {
        Write("index.html", "new");
        await SyncAsync(options => options with { Environment = "staging" });
        using var before = await Server.GetAsync($"/sites/{Site}/production/");
        Assert.Equal(HttpStatusCode.NotFound, before.StatusCode);
        await ActivateAsync(1);
        Assert.Equal("new", await PageAsync());
    }

    [Theory]
    [InlineData(7, "production", "RELEASE_NOT_FOUND")]
    [InlineData(1, "elsewhere", "ENVIRONMENT_NOT_FOUND")]
    public async Task What_is_not_there_is_not_activated(int release, string environment, string code)
    {
        await ReleaseAsync("one");
        await Server.RefusedAsync($"/v1/sites/{Site}/releases/{release}/activate", new { environment }, 404, code);
    }

    [Fact]
    public async Task Rules_say_how_long_files_are_cached()
    {
        Write("assets/a.js", "1");
        await ReleaseAsync("one");
        var rules = new { cacheRules = new[] { new { glob = "assets/**", cacheControl = "public, max-age=60" } } };
        using var configured = await Server.Client.PutAsJsonAsync($"/v1/sites/{Site}/environments/production", rules, Cancel);
        Assert.Equal(HttpStatusCode.OK, configured.StatusCode);
        using var again = await Server.Client.PutAsJsonAsync($"/v1/sites/{Site}/environments/production", rules, Cancel);
        Assert.Equal(1, (await Server.HistoryAsync(Site)).Count(type => type == "environment_configured"));
        Assert.Equal(["public, max-age=60", "public, no-cache"], [await CachedAsync("production/assets/a.js"), await CachedAsync("production/index.html")]);
        var manifest = await Server.Client.GetFromJsonAsync<ManifestView>($"/v1/sites/{Site}/releases/1/manifest", Cancel);
        using var forever = await Server.GetAsync(manifest!.Files["assets/a.js"].Url);
        Assert.Equal("1", await forever.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("public, max-age=31536000, immutable", forever.Headers.GetValues("Cache-Control").Single());
        using var wrong = await Server.Client.PutAsJsonAsync(
            $"/v1/sites/{Site}/environments/production", new { cacheRules = new[] { new { glob = "*", cacheControl = "a\r\nSet-Cookie: b" } } }, Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
    }

    [Theory]
    [InlineData("read")]
    [InlineData("Music")]
    [InlineData("music\n")]
    [InlineData("../music")]
    public Task What_is_no_name_for_a_site_is_refused(string name) => Server.RefusedAsync("/v1/sites", new { name }, 400, "INVALID_SITE");

    [Fact]
    public async Task The_log_of_a_site_tells_what_happened()
    {
        await ReleaseAsync("one");
        var log = await Server.Client.GetFromJsonAsync<System.Text.Json.JsonElement>($"/v1/sites/{Site}/log?fromVersion=2", Cancel);
        var entries = log.GetProperty("entries").EnumerateArray().ToArray();
        Assert.Equal(["sync_started", "sync_completed", "release_activated", "sync_reported"], entries.Select(entry => entry.GetProperty("event").GetString()));
        Assert.Equal(1, entries[0].GetProperty("details").GetProperty("files").GetInt32());
        using var unknown = await Server.GetAsync("/v1/sites/nothing/log");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task A_file_is_served_by_ranges_and_conditions()
    {
        await ReleaseAsync("0123456789");
        using var whole = await Server.GetAsync($"/sites/{Site}/production/");
        using var conditional = new HttpRequestMessage(HttpMethod.Get, $"/sites/{Site}/production/index.html") { Headers = { IfNoneMatch = { whole.Headers.ETag! } } };
        using var same = await Server.Client.SendAsync(conditional, Cancel);
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        using var range = new HttpRequestMessage(HttpMethod.Get, $"/sites/{Site}/production/index.html") { Headers = { Range = new(2, 4) } };
        using var part = await Server.Client.SendAsync(range, Cancel);
        Assert.Equal((HttpStatusCode.PartialContent, "234"), (part.StatusCode, await part.Content.ReadAsStringAsync(Cancel)));
    }

    [Fact]
    public async Task What_no_kept_release_has_is_removed_and_nothing_else()
    {
        Write("shared.txt", "in all of them");
        for (var i = 1; i <= Kept + 3; i++)
        {
            await ReleaseAsync($"page {i}");
        }

        await ActivateAsync(2, "staging");
        await Server.Sweep.SweepAsync(Cancel);
        Assert.Equal(Kept + 4, (await KeysAsync("objects/")).Count); // what was stored lately stays
        Clock.Shift = TimeSpan.FromDays(2);
        await Server.Sweep.SweepAsync(Cancel);
        Assert.Equal(Kept + 2, (await KeysAsync("objects/")).Count); // ten pages, the one of staging, and what they share
        Assert.Equal(Kept + 1, (await KeysAsync("releases/")).Count);
        await Server.RefusedAsync($"/v1/sites/{Site}/releases/1/activate", new { environment = "production" }, 404, "RELEASE_NOT_FOUND");
        Assert.Equal("page 2", Encoding.UTF8.GetString(await ServedAsync("index.html", "staging")));
        await ActivateAsync(4);
        await AssertWholeAsync(4);
        Assert.Equal(Kept + 4, (await ReleaseAsync("page 1")).Release); // its object is gone: it is sent again
        Assert.Equal("page 1", await PageAsync());
    }

    [Fact]
    public async Task Files_of_a_sync_under_way_are_not_removed()
    {
        await ReleaseAsync("one");
        var plan = await StartAsync("two");
        await PutAsync(plan, "two");
        Clock.Shift = TimeSpan.FromDays(2);
        await Server.Sweep.SweepAsync(Cancel);
        var committed = await Server.PostAsync($"/v1/sites/{Site}/syncs/{plan.SyncId}/commit", null);
        Assert.Equal(2, committed.GetProperty("release").GetInt32());
        Assert.Equal("two", await PageAsync());
    }

    /// <summary>Whatever call of a sweep fails: the next one ends what it began, and what is kept is whole.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_sweep_that_broke_off_is_ended_by_the_next(bool afterEffect)
    {
        for (var i = 1; i <= Kept + 4; i++)
        {
            await ReleaseAsync($"page {i}");
        }

        Clock.Shift = TimeSpan.FromDays(2);
        for (var call = 1; call < 30; call++)
        {
            Storage.FailAt(call, afterEffect);
            await Server.Sweep.SweepAsync(Cancel);
        }

        Storage.FailAt(0, afterEffect: false);
        await Server.Sweep.SweepAsync(Cancel);
        Assert.Equal(Kept, (await KeysAsync("objects/")).Count);
        Assert.Equal(Kept, (await KeysAsync("releases/")).Count);
        for (var release = 5; release <= Kept + 4; release++)
        {
            await AssertWholeAsync(release);
        }
    }

    private async Task AssertWholeAsync(int release)
    {
        var manifest = await Server.Client.GetFromJsonAsync<ManifestView>($"/v1/sites/{Site}/releases/{release}/manifest", Cancel);
        foreach (var file in manifest!.Files.Values)
        {
            var bytes = await Server.Client.GetByteArrayAsync(new Uri(file.Url, UriKind.Relative), Cancel);
            Assert.Equal(file.Sha256, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)));
        }
    }

    private async Task<Client.SyncResult> ReleaseAsync(string page)
    {
        Write("index.html", page);
        return await SyncAsync();
    }

    private Task ActivateAsync(int release, string environment = "production") =>
        Server.PostAsync($"/v1/sites/{Site}/releases/{release}/activate", new { environment });

    private async Task<string> PageAsync() => Encoding.UTF8.GetString(await ServedAsync(""));

    private async Task<string> CachedAsync(string path)
    {
        using var answer = await Server.GetAsync($"/sites/{Site}/{path}");
        return answer.Headers.CacheControl!.ToString();
    }

    private async Task<IReadOnlyList<string>> KeysAsync(string prefix) =>
        [.. (await Inner.ListAsync($"sites/{Site}/{prefix}", null, Cancel)).Objects.Select(found => found.Key)];

    private async Task<SyncPlan> StartAsync(string page)
    {
        var bytes = Encoding.UTF8.GetBytes(page);
        var file = new AssetFile(
            "index.html", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)), bytes.Length, "text/html; charset=utf-8");
        using var answer = await Server.Client.PostAsJsonAsync($"/v1/sites/{Site}/syncs", new StartSync("production", [file]), Cancel);
        return (await answer.Content.ReadFromJsonAsync<SyncPlan>(Cancel))!;
    }

    private async Task PutAsync(SyncPlan plan, string page)
    {
        using var body = new StringContent(page);
        using var answer = await Server.Client.PutAsync(new Uri($"/v1/sites/{Site}/syncs/{plan.SyncId}/objects/{plan.Missing[0]}", UriKind.Relative), body, Cancel);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }
}
