using System.Net;
using System.Net.Http.Json;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Platform.Costs;
using Platform.Jobs;
using Xunit;

namespace Assets.Tests;

/// <summary>Environments that keep their objects apart.</summary>
public abstract class PrefixTests : SiteTest
{
    private const int Kept = 2;

    protected override IReadOnlyDictionary<string, string?> Settings { get; } =
        new Dictionary<string, string?> { ["Assets:KeepReleases"] = Kept.ToString(System.Globalization.CultureInfo.InvariantCulture) };

    [Fact]
    public async Task What_an_environment_brings_is_under_its_prefix_and_what_it_had_stays_where_it_is()
    {
        await ReleaseAsync("one");
        await ConfigureAsync("production", "live");
        await ReleaseAsync("one"); // the same files: nothing is there yet
        await ReleaseAsync("two");
        Assert.Equal((1, 2), (await CountAsync("objects/"), await CountAsync("prefixes/live/objects/")));
        Assert.Equal("two", await PageAsync());
        Assert.Equal("unchanged", (await SyncAsync()).Outcome);

        var manifest = await Server.Client.GetFromJsonAsync<ManifestView>($"/v1/sites/{Site}/releases/3/manifest", Cancel);
        Assert.StartsWith($"/sites/{Site}/prefixes/live/objects/", manifest!.Files["index.html"].Url, StringComparison.Ordinal);
        Assert.Equal("two", await Server.Client.GetStringAsync(new Uri(manifest.Files["index.html"].Url, UriKind.Relative), Cancel));
        using var elsewhere = await Server.GetAsync(manifest.Files["index.html"].Url.Replace("/prefixes/live", "", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);

        await ActivateAsync(1, "production"); // a rollback to before
        Assert.Equal("one", await PageAsync());
        await ActivateAsync(3, "staging");
        Assert.Equal("two", await PageAsync("staging"));
        var stored = await Server.Services.GetServices<IStoredBytes>().Single(of => of is StoredObjectsOfSites).ReadAsync(Cancel).ToListAsync(Cancel);
        Assert.Equal((SiteObjects.AccountOf(Site), 9L), Assert.Single(stored));
    }

    [Fact]
    public async Task Only_what_no_release_has_under_its_own_prefix_is_removed()
    {
        await ConfigureAsync("production", "live");
        await ReleaseAsync("old");
        await ReleaseAsync("shared");
        await ReleaseAsync("shared", "staging");
        await ReleaseAsync("new", "staging");
        await ReleaseAsync("newest", "staging");
        Clock.Shift = TimeSpan.FromDays(2);
        await Server.Sweep.SweepAsync(Cancel);
        Assert.Equal((2, 1), (await CountAsync("objects/"), await CountAsync("prefixes/live/objects/")));
        Assert.Equal(("newest", "shared"), (await PageAsync("staging"), await PageAsync()));

        await Inner.DeleteAsync(await FirstAsync("prefixes/live/objects/"), Cancel);
        var report = await Server.PostAsync($"/v1/sites/{Site}/audit", new AuditSite(Repair: true));
        Assert.StartsWith("prefixes/live/objects/", Assert.Single(report.GetProperty("missing").EnumerateArray()).GetString(), StringComparison.Ordinal);
        Write("index.html", "shared");
        Assert.Equal(1, (await SyncAsync(options => options with { Full = true })).UploadedObjects);
        Assert.Equal("shared", await PageAsync());
    }

    [Fact]
    public async Task Public_paths_move_with_the_prefix()
    {
        await ReleaseAsync("one");
        await ConfigureAsync("production", prefix: null, publishes: true);
        await PublishAsync();
        Assert.Equal((1, 0), (await CountAsync("public/production/"), await CountAsync("prefixes/live/public/production/")));
        await ConfigureAsync("production", "live", publishes: true);
        await PublishAsync();
        Assert.Equal((0, 1), (await CountAsync("public/production/"), await CountAsync("prefixes/live/public/production/")));
        Assert.Equal("one", await PageAsync());
    }

    [Fact]
    public async Task Files_that_stay_are_brought_to_the_new_prefix_too()
    {
        Write("stays.txt", "stays");
        await ReleaseAsync("one");
        await ConfigureAsync("production", "live");
        File.Delete(Path.Combine(Dist, "stays.txt"));
        Write("index.html", "two");
        var refusal = await Assert.ThrowsAsync<Client.SiteApiException>(() => SyncAsync());
        Assert.Equal("FILES_NOT_GIVEN", refusal.Code);
        await SyncAsync(options => options with { Delete = true });
        Assert.Equal("two", await PageAsync());
    }

    [Theory]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("../other")]
    [InlineData("Live")]
    [InlineData("live\n")]
    [InlineData("%2e%2e")]
    [InlineData("12345678901234567890123456789012345678901")]
    public async Task A_prefix_is_one_segment_below_what_is_the_site_s(string prefix)
    {
        using var answer = await PutAsync("production", prefix, publishes: false);
        Assert.Equal("INVALID_ENVIRONMENT", (await SiteServer.ReadAsync(answer, 400)).GetProperty("error").GetProperty("code").GetString());
    }

    private async Task ReleaseAsync(string page, string environment = "production")
    {
        Write("index.html", page);
        Assert.Equal("activated", (await SyncAsync(options => options with { Environment = environment })).Outcome);
    }

    private async Task<HttpResponseMessage> PutAsync(string environment, string? prefix, bool publishes) => await Server.Client.PutAsJsonAsync(
        $"/v1/sites/{Site}/environments/{environment}", new ConfigureEnvironment([], PublishPaths: publishes, Prefix: prefix), Cancel);

    private async Task ConfigureAsync(string environment, string? prefix, bool publishes = false)
    {
        using var answer = await PutAsync(environment, prefix, publishes);
        await SiteServer.ReadAsync(answer, 200);
    }

    private Task ActivateAsync(int release, string environment) => Server.PostAsync($"/v1/sites/{Site}/releases/{release}/activate", new { environment });

    private async Task PublishAsync()
    {
        await using var scope = Server.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<IJob<PublishRelease>>().RunAsync(new PublishRelease(Site, "production"), Cancel);
    }

    private async Task<string> PageAsync(string environment = "production") => Encoding.UTF8.GetString(await ServedAsync("index.html", environment));

    private async Task<int> CountAsync(string prefix) => (await Inner.ListAsync($"sites/{Site}/{prefix}", null, Cancel)).Objects.Count;

    private async Task<string> FirstAsync(string prefix) => (await Inner.ListAsync($"sites/{Site}/{prefix}", null, Cancel)).Objects[0].Key;
}

public sealed class FolderPrefixTests : PrefixTests;

/// <summary>On a real S3 server.</summary>
public sealed class S3PrefixTests : PrefixTests
{
    protected override bool IsOnS3 => true;
}
