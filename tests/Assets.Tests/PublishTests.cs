using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Platform.Jobs;
using Platform.Storage;
using Xunit;

namespace Assets.Tests;

/// <summary>Public paths in the store, as a CDN reads them.</summary>
public abstract class PublishTests : SiteTest
{
    // A copy for each file of the first release; of a later one for each that changed, and deletions.
    private const int FewestCalls = 5;

    private static readonly CacheRule[] Rules = [new("*.jpg", "public, max-age=60")];

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await ConfigureAsync(Rules);
    }

    [Fact]
    public async Task A_release_is_public_under_the_paths_of_the_build_and_then_active()
    {
        Write("index.html", "<img src=a.jpg>");
        Write("a.jpg", "one");
        Write("old/page.html", "old");
        await CommitAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await Server.GetAsync($"/sites/{Site}/production/")).StatusCode);
        await PublishAsync();
        Assert.Equal(["a.jpg=one", "index.html=<img src=a.jpg>", "old/page.html=old"], await PublicAsync());
        await AssertServedAsync();

        Directory.Delete(Path.Combine(Dist, "old"), recursive: true);
        Write("old", "a file where a folder was");
        Write("a.jpg", "two");
        await CommitAsync();
        await PublishAsync();
        Assert.Equal(["a.jpg=two", "index.html=<img src=a.jpg>", "old=a file where a folder was"], await PublicAsync());
        Assert.Equal(["publication_started", "release_activated"], (await Server.HistoryAsync(Site)).TakeLast(2));
    }

    [Fact]
    public async Task Only_what_changed_is_copied()
    {
        for (var i = 0; i < 10; i++)
        {
            Write($"{i}.jpg", $"{i}");
        }

        await CommitAsync();
        await PublishAsync();
        Write("3.jpg", "new");
        await CommitAsync();
        Storage.FailAt(0, afterEffect: false);
        await PublishAsync();
        Assert.Equal(1, Storage.Calls);
        await ConfigureAsync([new("3.jpg", "public, max-age=61"), .. Rules]);
        Storage.FailAt(0, afterEffect: false);
        await PublishAsync();
        Assert.Equal(1, Storage.Calls); // its headers
    }

    /// <summary>Whatever call fails, and wherever the publication of one release breaks off: after the next one everything is as it should be.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_publication_that_broke_off_leaves_nothing_wrong_behind(bool afterEffect)
    {
        for (var call = 1; call <= FewestCalls; call++)
        {
            await BuildAsync(2 * call);
            Storage.FailAt(call, afterEffect);
            await Assert.ThrowsAnyAsync<StorageException>(PublishAsync);
            Storage.FailAt(0, afterEffect);
            await BuildAsync((2 * call) + 1);
            await PublishAsync();
            Assert.Equal(Expected(), await PublicAsync());
        }
    }

    [Fact]
    public async Task At_no_time_does_a_page_refer_to_a_file_that_is_not_there()
    {
        await BuildAsync(0);
        await PublishAsync();
        await BuildAsync(1);
        var broken = new ConcurrentBag<string>();
        Storage.BeforeCall = async _ =>
        {
            var files = (await PublicAsync()).Select(file => file.Split('=')).ToDictionary(file => file[0], file => file[1]);
            foreach (var page in files.Where(file => file.Key.EndsWith(".html", StringComparison.Ordinal) && !files.ContainsKey(file.Value)))
            {
                broken.Add(page.Key);
            }
        };
        await PublishAsync();
        Storage.BeforeCall = null;
        Assert.Empty(broken);
        Assert.Equal(Expected(), await PublicAsync());
    }

    // Each page holds the name of the image it shows.
    private async Task BuildAsync(int version)
    {
        if (Directory.Exists(Dist))
        {
            Directory.Delete(Dist, recursive: true);
        }

        Write("index.html", $"image-{version}.jpg");
        Write($"page-{version}.html", $"image-{version}.jpg");
        Write($"image-{version}.jpg", $"{version}");
        Write("style.css", "same in all");
        Write("app.js", $"version {version}");
        await CommitAsync();
    }

    private string[] Expected() => [.. Directory.EnumerateFiles(Dist)
        .Select(file => $"{Path.GetFileName(file)}={File.ReadAllText(file)}")
        .Order(StringComparer.Ordinal)];

    private async Task ConfigureAsync(IReadOnlyList<CacheRule> rules)
    {
        using var answer = await Server.Client.PutAsJsonAsync(
            $"/v1/sites/{Site}/environments/production", new ConfigureEnvironment(rules, PublishPaths: true), Cancel);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    /// <summary>As the command line does, but that nobody waits for the publication.</summary>
    private async Task CommitAsync()
    {
        var api = new Client.SiteApi(Server.Client, key: null, Site, TimeProvider.System);
        var cache = await Client.HashCache.OpenAsync(Path.Combine(Scratch, "hashes"), DateTimeOffset.UtcNow, Cancel);
        var scan = await new Client.FolderScan(Dist, new Client.GlobFilter([], []), cache).RunAsync(_ => { }, Cancel);
        var plan = await api.StartAsync(new StartSync("production", [.. scan.Files.Select(file => file.File)], Delete: true), Cancel);
        if (plan.SyncId is not { } syncId)
        {
            return;
        }

        foreach (var upload in (await api.UploadsAsync(syncId, plan.Missing, Cancel)).Uploads)
        {
            await api.PutAsync(upload, scan.Files.First(file => file.File.ObjectName == upload.Object), Cancel);
        }

        await api.StoredAsync(syncId, plan.Missing, Cancel);
        Assert.True((await api.CommitAsync(syncId, Cancel)).IsPublishing);
    }

    private async Task PublishAsync()
    {
        await using var scope = Server.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<IJob<PublishRelease>>().RunAsync(new PublishRelease(Site, "production"), Cancel);
    }

    private async Task<string[]> PublicAsync()
    {
        var prefix = $"sites/{Site}/public/production/";
        var files = new List<string>();
        foreach (var found in (await Inner.ListAsync(prefix, null, Cancel)).Objects)
        {
            await using var body = await Inner.ReadAsync(found.Key, null, null, Cancel);
            using var reader = new StreamReader(body, Encoding.UTF8);
            files.Add($"{found.Key[prefix.Length..]}={await reader.ReadToEndAsync(Cancel)}");
        }

        return [.. files];
    }
}

public sealed class FolderPublishTests : PublishTests;

/// <summary>On a real S3 server.</summary>
public sealed class S3PublishTests : PublishTests
{
    protected override bool IsOnS3 => true;
}
