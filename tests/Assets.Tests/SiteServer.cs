using System.Net.Http.Json;
using System.Text.Json;
using Assets.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Costs;
using Platform.Events;
using Platform.Http;
using Platform.Images;
using Platform.Jobs;
using Platform.Settings;
using Platform.Storage;
using Platform.Webhooks;
using Testing;
using Xunit;

namespace Assets.Tests;

/// <summary>A real Kestrel on a free port with nothing but sites. Several on one database and store are a cluster.</summary>
internal sealed class SiteServer : IAsyncDisposable
{
    private readonly WebApplication app;

    private SiteServer(WebApplication app, HttpClient client)
    {
        this.app = app;
        Client = client;
        Client.BaseAddress = new Uri(app.Urls.Single());
    }

    /// <summary>The program whose verbs these tests run, built beside them.</summary>
    internal static IReadOnlyList<string> Host { get; } = ["dotnet", Path.Combine(AppContext.BaseDirectory, "Host.dll"), "image-worker"];

    internal HttpClient Client { get; }

    internal IServiceProvider Services => app.Services;

    internal DiscardReleases Sweep => app.Services.GetRequiredService<DiscardReleases>();

    internal EventStore Events => app.Services.GetRequiredService<EventStore>();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <param name="client">Trusts the store's certificate.</param>
    internal static async Task<SiteServer> StartAsync(
        string connectionString,
        IObjectStorage storage,
        HttpClient client,
        TimeProvider? clock = null,
        IReadOnlyDictionary<string, string?>? settings = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(settings);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services
            .AddSingleton(clock ?? TimeProvider.System)
            .AddHttp(builder.Configuration)
            .AddJobs(builder.Configuration, work: false)
            .AddEvents(connectionString, work: false)
            .AddSingleton(storage)
            .AddWebhooks(builder.Configuration)
            .AddSettings(() => new CostSettings())
            .AddAssets(builder.Configuration, work: false)
            .AddSingleton<DiscardReleases>();
        var app = builder.Build();
        app.UseHttp();
        app.MapAssets();
        await app.StartAsync(Cancel);
        return new SiteServer(app, client);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.DisposeAsync();
    }

    internal async Task<JsonElement> PostAsync(string path, object? body, int status = 200)
    {
        using var answer = await Client.PostAsJsonAsync(path, body, Cancel);
        return await ReadAsync(answer, status);
    }

    internal async Task RefusedAsync(string path, object? body, int status, string code) =>
        Assert.Equal(code, (await PostAsync(path, body, status)).GetProperty("error").GetProperty("code").GetString());

    internal static async Task<JsonElement> ReadAsync(HttpResponseMessage answer, int status)
    {
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(status == (int)answer.StatusCode, $"{(int)answer.StatusCode} instead of {status}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>What the command line does.</summary>
    internal Task<SyncResult> SyncAsync(string folder, Func<SyncOptions, SyncOptions>? with = null, TextWriter? output = null, string site = "music")
    {
        var options = new SyncOptions { Folder = folder, Site = site, CacheFile = folder + ".hashes" };
        options = with is null ? options : with(options);
        var api = new SiteApi(Client, key: null, site, new FastClock(20));
        return RunAsync(api, options, new SyncProgress(output ?? TextWriter.Null, isTerminal: false, TimeProvider.System));
    }

    private static async Task<SyncResult> RunAsync(SiteApi api, SyncOptions options, SyncProgress progress)
    {
        await using var workers = new ImageWorkers(most: 2, Host);
        using var run = new SyncRun(api, workers, options, progress, TimeProvider.System);
        return await run.RunAsync(Cancel);
    }

    internal async Task<HttpResponseMessage> GetAsync(string path) => await Client.GetAsync(path, Cancel);

    internal async Task<IReadOnlyList<string>> HistoryAsync(string site = "music") =>
        await Events.ReadAsync($"site-{site}", 1, Cancel).Select(e => e.Type).ToListAsync(Cancel);
}

/// <summary>A server with a site, a database, a store and a folder of its own.</summary>
public abstract class SiteTest : IAsyncLifetime
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("site-");
    private TestDatabase database = null!;

    internal string ConnectionString => database.ConnectionString;

    internal IObjectStorage Inner { get; private set; } = null!;

    internal FaultyObjectStorage Storage { get; private set; } = null!;

    internal SiteServer Server { get; private set; } = null!;

    internal ShiftedClock Clock { get; } = new();

    /// <summary>What a build made.</summary>
    protected string Dist => Path.Combine(folder.FullName, "dist");

    protected string Scratch => folder.FullName;

    /// <summary>Of keys: tests share a bucket.</summary>
    internal string Site { get; } = $"music-{Guid.NewGuid():n}"[..30];

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public virtual async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        var bucket = IsOnS3 ? await CephServer.TlsBucketAsync() : null;
        Inner = bucket is null
            ? new FolderObjectStorage(Path.Combine(Scratch, "storage"), TimeProvider.System)
            : new S3ObjectStorage(bucket, TimeProvider.System);
        Storage = new FaultyObjectStorage(Inner);
        var client = bucket is null ? new HttpClient() : CephServer.OpenHttp(bucket);
        Server = await SiteServer.StartAsync(ConnectionString, Storage, client, Clock, Settings);
        await Server.PostAsync("/v1/sites", new { name = Site }, 201);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await database.DisposeAsync();
        folder.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Whether its store is a real S3 server, reached as R2 is, rather than a folder.</summary>
    protected virtual bool IsOnS3 => false;

    protected virtual IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>();

    internal Task<SyncResult> SyncAsync(Func<SyncOptions, SyncOptions>? with = null) => Server.SyncAsync(Dist, with, site: Site);

    protected void Write(string path, string text) => Write(path, System.Text.Encoding.UTF8.GetBytes(text));

    protected void Write(string path, byte[] bytes)
    {
        var file = Path.Combine(Dist, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, bytes);
    }

    protected async Task<byte[]> ServedAsync(string path, string environment = "production")
    {
        using var answer = await Server.GetAsync($"/sites/{Site}/{environment}/{path}");
        Assert.Equal(System.Net.HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadAsByteArrayAsync(Cancel);
    }

    /// <summary>Every file of the build is served, with its bytes.</summary>
    protected async Task AssertServedAsync(string environment = "production")
    {
        foreach (var file in Directory.EnumerateFiles(Dist, "*", SearchOption.AllDirectories))
        {
            var path = Path.GetRelativePath(Dist, file).Replace('\\', '/');
            Assert.Equal(await File.ReadAllBytesAsync(file, Cancel), await ServedAsync(string.Join('/', path.Split('/').Select(Uri.EscapeDataString)), environment));
        }
    }
}
