using System.Net.Http.Json;
using System.Text.Json;
using Assets.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Platform.Jobs;
using Testing;
using Xunit;

namespace Assets.Tests;

/// <summary>What is said to whom after a run: runs and alerts in the API, and a CDN that forgets.</summary>
public sealed class AlertTests : SiteTest
{
    private const string Zone = "023e105f4ecef8ad9ca31a8372d0c353";

    private WebhookReceiver visited = null!;

    protected override IReadOnlyDictionary<string, string?> Settings => new Dictionary<string, string?>
    {
        ["Outbound:PrivateHosts"] = visited.Url.Authority,
        ["Assets:Cloudflare:Url"] = new Uri(visited.Url, "client/v4").ToString(),
        ["Assets:Cloudflare:Token"] = "token of a zone",
        ["Webhooks:Secret"] = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    };

    public override async ValueTask InitializeAsync()
    {
        visited = await WebhookReceiver.StartAsync();
        visited.Answer = context => context.Request.Path.StartsWithSegments("/client") ? context.Response.WriteAsJsonAsync(new { success = true }) : Task.CompletedTask;
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await visited.DisposeAsync();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task A_run_is_on_record_with_what_it_did()
    {
        Write("index.html", "<p>");
        Write("a.jpg", "12345");
        await SyncAsync();
        var run = (await SiteAsync()).GetProperty("runs")[0];
        Assert.Equal((1, 2, 8L, 0), (run.GetProperty("release").GetInt32(), run.GetProperty("uploadedObjects").GetInt32(), run.GetProperty("uploadedBytes").GetInt64(), run.GetProperty("failedUploads").GetInt32()));
        Assert.Equal("sync_reported", (await Server.HistoryAsync(Site))[^1]);
        await SyncAsync();
        Assert.Equal(5, (await Server.HistoryAsync(Site)).Count); // nothing changed: no run
    }

    [Fact]
    public async Task A_sync_that_fails_and_uploads_that_fail_raise_alerts()
    {
        Write("index.html", "<p>");
        Storage.FailAt(2, afterEffect: false); // behind the manifest: the object, whose second attempt goes through
        await SyncAsync();
        var alert = (await SiteAsync()).GetProperty("alerts")[0];
        Assert.Equal(("upload_errors", "1 of 2 uploads failed; 5 % may."), (alert.GetProperty("kind").GetString(), alert.GetProperty("detail").GetString()));

        Storage.FailAt(0, afterEffect: false);
        Write("index.html", "<p>2");
        var plan = await Server.PostAsync($"/v1/sites/{Site}/syncs", new { environment = "production", files = Array.Empty<object>(), delete = true });
        var sync = plan.GetProperty("syncId").GetGuid();
        var report = new { seconds = 1.5, uploadedObjects = 0, uploadedBytes = 0, failedUploads = 0, failure = "the disk is full" };
        for (var i = 0; i < 2; i++)
        {
            using var answer = await Server.Client.PostAsJsonAsync($"/v1/sites/{Site}/syncs/{sync}/report", report, Cancel);
            Assert.Equal(204, (int)answer.StatusCode);
        }

        var alerts = (await SiteAsync()).GetProperty("alerts");
        Assert.Equal((2, "sync_failed", "the disk is full"), (alerts.GetArrayLength(), alerts[0].GetProperty("kind").GetString(), alerts[0].GetProperty("detail").GetString()));
        await Server.RefusedAsync($"/v1/sites/{Site}/syncs/{Guid.NewGuid()}/report", report, 404, "SYNC_NOT_FOUND");

        var hardlyAny = new { seconds = 1.5, uploadedObjects = int.MaxValue, uploadedBytes = 0, failedUploads = 1 };
        using var most = await Server.Client.PostAsJsonAsync($"/v1/sites/{Site}/syncs/{sync}/report", hardlyAny, Cancel);
        Assert.Equal(204, (int)most.StatusCode);
        Assert.Equal(2, (await SiteAsync()).GetProperty("alerts").GetArrayLength());
    }

    [Fact]
    public async Task A_site_that_answers_late_or_not_raises_one_alert_for_a_release()
    {
        await ConfigureAsync(new { cacheRules = Array.Empty<object>(), publicUrl = visited.Url, alertThresholds = new { uploadErrorPercent = 5, responseSeconds = 0.001 } });
        Write("index.html", "<p>");
        await SyncAsync();
        visited.Answer = _ => Task.Delay(20, Cancel);
        await CheckAsync(1);
        await CheckAsync(1);
        visited.Answer = context => Task.FromResult(context.Response.StatusCode = 503);
        await CheckAsync(1);
        Assert.Equal(["public_url_failed", "public_url_slow"], await KindsAsync());

        await ConfigureAsync(new { cacheRules = Array.Empty<object>(), publicUrl = visited.Url, alertThresholds = new { uploadErrorPercent = 5, responseSeconds = 30 } });
        visited.Answer = _ => Task.CompletedTask;
        Write("index.html", "<p>2");
        await SyncAsync();
        await CheckAsync(2);
        Assert.Equal(2, (await KindsAsync()).Count);
    }

    [Fact]
    public async Task Cloudflare_forgets_what_a_release_changed_and_a_refusal_with_status_200_is_one()
    {
        await AllowAsync(new CdnHost("music.example.com", Zone));
        await ConfigureAsync(new { cacheRules = Array.Empty<object>(), publicUrl = "https://music.example.com/x", cloudflareZone = Zone });
        await ReleasesAsync();
        Assert.Empty(visited.Messages); // nobody had seen anything before the first release
        await PurgeAsync();
        var message = Assert.Single(visited.Messages);
        Assert.Equal(($"/client/v4/zones/{Zone}/purge_cache", "Bearer token of a zone"), (message.Path, message.Headers["Authorization"].ToString()));
        Assert.Equal(
            ["https://music.example.com/x/", "https://music.example.com/x/gone%20%C3%BC.txt", "https://music.example.com/x/index.html", "https://music.example.com/x/new.txt"],
            JsonDocument.Parse(message.Body).RootElement.GetProperty("files").EnumerateArray().Select(url => url.GetString()).Order(StringComparer.Ordinal));
        Assert.Equal("paths_purged", (await Server.HistoryAsync(Site))[^1]);

        visited.Answer = context => context.Response.WriteAsJsonAsync(new { success = false });
        var error = await Assert.ThrowsAsync<PurgeRefusedException>(PurgeAsync);
        await GiveUpAsync(error);
        await GiveUpAsync(error);
        Assert.Equal(["purge_failed"], await KindsAsync());
    }

    [Fact]
    public async Task Only_hosts_that_an_admin_allowed_are_purged_and_nothing_else_of_their_zone()
    {
        const string other = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        await AllowAsync(new CdnHost("music.example.com", Zone));
        await AllowAsync(new CdnHost("music.example.com", Zone));
        Assert.Single(await Server.HistoryAsync(Site), type => type == "cdn_hosts_allowed");
        foreach (var (publicUrl, zone) in new[] { ("https://music.example.com", other), ("https://shop.example.com", Zone), (null, Zone) })
        {
            await RefusedAsync(new { cacheRules = Array.Empty<object>(), publicUrl, cloudflareZone = zone }, "CDN_HOST_NOT_ALLOWED", 403);
        }

        await ConfigureAsync(new { cacheRules = Array.Empty<object>(), publicUrl = "https://MUSIC.example.com/x", cloudflareZone = Zone });
        await ReleasesAsync();
        await Server.Events.DecideAsync<Site, ISiteEvent>(Site, _ => [new ReleasesDiscarded([1], Clock.GetUtcNow())], Cancel);
        await PurgeAsync(); // nobody knows any more what was served before
        Assert.Equal("""{"hosts":["music.example.com"]}""", Assert.Single(visited.Messages).Body);

        await AllowAsync();
        var refused = await Assert.ThrowsAsync<PurgeRefusedException>(PurgeAsync);
        Assert.Contains("no admin allows", refused.Message, StringComparison.Ordinal);
        Assert.Single(visited.Messages);
    }

    [Fact]
    public async Task Any_other_CDN_is_told_by_a_signed_webhook()
    {
        await ConfigureAsync(new { cacheRules = Array.Empty<object>(), publicUrl = "https://music.example.com", purgeWebhookUrl = new Uri(visited.Url, "purge") });
        await ReleasesAsync();
        await PurgeAsync();
        await PurgeAsync(); // delivered already
        var message = Assert.Single(visited.Messages);
        Assert.StartsWith("v1,", message.Headers["webhook-signature"].ToString(), StringComparison.Ordinal);
        var body = JsonDocument.Parse(message.Body).RootElement;
        Assert.Equal(("site.activated", 2, 4), (body.GetProperty("type").GetString(), body.GetProperty("data").GetProperty("release").GetInt32(), body.GetProperty("data").GetProperty("changedUrls").GetArrayLength()));
    }

    [Fact]
    public async Task What_cannot_be_is_refused()
    {
        await RefusedAsync(new { cacheRules = Array.Empty<object>(), publicUrl = "ftp://music.example.com" }, "INVALID_ENVIRONMENT");
        await RefusedAsync(new { cacheRules = Array.Empty<object>(), publicUrl = "https://user@music.example.com" }, "INVALID_ENVIRONMENT");
        await RefusedAsync(new { cacheRules = Array.Empty<object>(), publicUrl = "https://169.254.169.254/latest/" }, "INVALID_ENVIRONMENT");
        await RefusedAsync(new { cacheRules = Array.Empty<object>(), publicUrl = "http://music.example.com" }, "INVALID_ENVIRONMENT");
        await RefusedAsync(new { cacheRules = Array.Empty<object>(), cloudflareZone = "../../accounts" }, "INVALID_ENVIRONMENT");
        await RefusedAsync(new { cacheRules = Array.Empty<object>(), alertThresholds = new { responseSeconds = 0 } }, "INVALID_ENVIRONMENT");
        await RefusedAsync(new { cacheRules = Array.Empty<object>(), purgeWebhookUrl = "http://169.254.169.254/latest/" }, "INVALID_WEBHOOK_URL");
    }

    private async Task ReleasesAsync()
    {
        Write("index.html", "<p>");
        Write("same.txt", "same");
        Write("gone ü.txt", "gone");
        await SyncAsync();
        await PurgeAsync();
        File.Delete(Path.Combine(Dist, "gone ü.txt"));
        Write("index.html", "<p>2");
        Write("new.txt", "new");
        await SyncAsync(options => options with { Delete = true });
    }

    private async Task<JsonElement> SiteAsync() => await SiteServer.ReadAsync(await Server.GetAsync($"/v1/sites/{Site}"), 200);

    private async Task<IReadOnlyList<string?>> KindsAsync() =>
        [.. (await SiteAsync()).GetProperty("alerts").EnumerateArray().Select(alert => alert.GetProperty("kind").GetString())];

    private async Task ConfigureAsync(object environment)
    {
        using var answer = await Server.Client.PutAsJsonAsync($"/v1/sites/{Site}/environments/production", environment, Cancel);
        await SiteServer.ReadAsync(answer, 200);
    }

    private Task AllowAsync(params CdnHost[] hosts) =>
        Server.Services.GetRequiredService<ISites>().AllowCdnHostsAsync(Site, [.. hosts.Select(host => new CdnHostListed(host.Host, host.Zone))], Cancel);

    private async Task RefusedAsync(object environment, string code, int status = 400)
    {
        using var answer = await Server.Client.PutAsJsonAsync($"/v1/sites/{Site}/environments/production", environment, Cancel);
        Assert.Equal(code, (await SiteServer.ReadAsync(answer, status)).GetProperty("error").GetProperty("code").GetString());
    }

    private Task CheckAsync(int release) => RunAsync(new CheckPublicUrl(Site, "production", release));

    private async Task PurgeAsync() => await RunAsync(await LastActivationAsync());

    private async Task GiveUpAsync(Exception error)
    {
        await using var scope = Server.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<IJob<PurgePaths>>().GaveUpAsync(await LastActivationAsync(), error, Cancel);
    }

    private async Task<PurgePaths> LastActivationAsync() =>
        new(Site, await Server.Events.ReadAsync($"site-{Site}", 1, Cancel).Where(e => e.Payload is ReleaseActivated).Select(e => e.Version).LastAsync(Cancel));

    private async Task RunAsync<TCommand>(TCommand command)
        where TCommand : notnull
    {
        await using var scope = Server.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<IJob<TCommand>>().RunAsync(command, Cancel);
    }
}
