using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Npgsql;
using Platform.Storage;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>A database and a store that hosts share, each a process of its own, and the sources of an album.</summary>
internal sealed class HostCluster : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("cluster-");
    private readonly List<RunningHost> hosts = [];
    private readonly TestDatabase database;
    private readonly Dictionary<string, string> settings;

    private HostCluster(TestDatabase database, S3Options? bucket)
    {
        this.database = database;
        Events = new AlbumEvents(database.ConnectionString);
        settings = new()
        {
            ["ConnectionStrings__Postgres"] = database.ConnectionString,
            ["Mail__Folder"] = Path.Combine(folder.FullName, "mail"),
            ["Storage__Folder"] = Path.Combine(folder.FullName, "storage"),
        };
        Storage = bucket is null
            ? new FolderObjectStorage(settings["Storage__Folder"], TimeProvider.System)
            : new S3ObjectStorage(bucket, TimeProvider.System);
    }

    internal AlbumEvents Events { get; }

    /// <summary>The hosts' store, reached directly.</summary>
    internal IObjectStorage Storage { get; }

    /// <summary>What the keys of the sources begin with.</summary>
    internal string Prefix { get; } = $"{Guid.CreateVersion7()}/";

    /// <summary>Between the hosts and the store; <see langword="null"/> for a folder.</summary>
    internal S3FaultProxy? Proxy { get; private set; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <param name="bucket">Of an S3 store, which the hosts reach through <see cref="Proxy"/>; <see langword="null"/> for a folder.</param>
    /// <param name="photos">Sources of 1 MiB.</param>
    /// <param name="videos">Sources of <paramref name="videoMiB"/>.</param>
    internal static async Task<HostCluster> StartAsync(S3Options? bucket, int photos = 40, int videos = 0, int videoMiB = 0)
    {
        var cluster = new HostCluster(await TestPostgres.CreateDatabaseAsync(), bucket);
        if (bucket is not null)
        {
            await cluster.UseBucketAsync(bucket);
        }

        for (var i = 0; i < photos + videos; i++)
        {
            var bytes = new byte[(i < videos ? videoMiB : 1) << 20];
            Random.Shared.NextBytes(bytes);
            await using var body = new BufferBody(bytes, Crc32.Append(0, bytes));
            await cluster.Storage.PutAsync($"{cluster.Prefix}{i:00}.bin", body, body.Length, "video/mp4", Cancellation);
        }

        return cluster;
    }

    internal async Task<RunningHost> StartHostAsync()
    {
        var host = await RunningHost.StartAsync(settings);
        hosts.Add(host);
        return host;
    }

    /// <summary>From now on no album comes far beyond so many parts.</summary>
    internal Task<PartGate> CloseGateAsync(int parts) => PartGate.CloseAsync(database.ConnectionString, parts);

    /// <summary>Requests an album of all sources.</summary>
    /// <returns>Its address.</returns>
    internal async Task<string> RequestAsync(RunningHost host)
    {
        using var requested = await host.Client.PostAsJsonAsync("/v1/albums", new { weddingId = "ann-bob", prefix = Prefix }, Cancellation);
        return requested.Headers.Location!.OriginalString;
    }

    /// <summary>Waits for an album, and downloads it.</summary>
    /// <returns>SHA-256 of its ZIP.</returns>
    internal static async Task<string> HashAsync(RunningHost host, string album)
    {
        await host.Client.GetStringAsync($"{album}/progress", Cancellation); // ends with the album
        var state = await host.Client.GetFromJsonAsync<JsonElement>(album, Cancellation);
        Assert.Equal("completed", state.GetProperty("status").GetString());
        await using var zip = await host.Client.GetStreamAsync($"{album}/download", Cancellation);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(zip, Cancellation));
    }

    /// <summary>Returns once no host runs a job any more.</summary>
    internal async Task SettleAsync()
    {
        await using var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync(Cancellation);
        await using var running = new NpgsqlCommand("select count(*) from quartz.qrtz_fired_triggers", connection);
        while (await running.ExecuteScalarAsync(Cancellation) is not 0L)
        {
            await Task.Delay(50, Cancellation);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in hosts)
        {
            await host.DisposeAsync();
        }

        if (Proxy is not null)
        {
            await Proxy.DisposeAsync();
        }

        (Storage as IDisposable)?.Dispose();

        await Events.DisposeAsync();
        await database.DisposeAsync();
        await TemporaryFolder.DeleteAsync(folder.FullName);
    }

    private async Task UseBucketAsync(S3Options bucket)
    {
        Proxy = await S3FaultProxy.StartAsync(bucket);
        var options = Proxy.Options;
        foreach (var (key, value) in new[]
        {
            ("Endpoint", options.Endpoint), ("Region", options.Region), ("Bucket", options.Bucket), ("AccessKey", options.AccessKey),
            ("SecretKey", options.SecretKey), ("CaFile", options.CaFile),
        })
        {
            settings[$"Storage__S3__{key}"] = value!;
        }

        settings["Storage__Provider"] = "S3";
    }
}
