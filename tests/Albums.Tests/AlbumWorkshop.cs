using System.IO.Compression;
using System.Security.Cryptography;
using Albums.Sources;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Localization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;
using Platform.Languages;
using Platform.Mail;
using Platform.Storage;
using Platform.Webhooks;
using Testing;
using Uploads;
using Uploads.Contracts;
using Weddings;
using Xunit;

namespace Albums.Tests;

/// <summary>
/// A node without its jobs: the tests make the attempts themselves, through a database connection and a store that fail when told to.
/// The node itself has connections of its own, so that only the attempt's calls are counted.
/// </summary>
internal sealed class AlbumWorkshop : IAsyncDisposable
{
    private readonly TestDatabase database;
    private readonly EventsHost node;
    private readonly NpgsqlDataSource attemptDatabase;
    private readonly DirectoryInfo folder;

    private AlbumWorkshop(TestDatabase database, EventsHost node, DirectoryInfo folder, IObjectStorage objects)
    {
        this.database = database;
        this.node = node;
        this.folder = folder;
        Postgres = new FaultyPostgres(database.ConnectionString);
        attemptDatabase = NpgsqlDataSource.Create(Postgres.ConnectionString);
        Objects = objects;
        Storage = new FaultyObjectStorage(objects);
    }

    /// <summary>The database as attempts see it.</summary>
    internal FaultyPostgres Postgres { get; }

    /// <summary>The store as attempts see it.</summary>
    internal FaultyObjectStorage Storage { get; }

    /// <summary>The same store, without faults.</summary>
    internal IObjectStorage Objects { get; }

    /// <summary>What attempts and sweeps take for the time.</summary>
    internal ShiftedClock Clock { get; } = new();

    /// <summary>By default 30 days, with a reminder 7 days before.</summary>
    internal ExpiryOptions Expiry { get; set; } = ExpiryOptions.Read(new ConfigurationBuilder().Build());

    /// <summary>By default nobody waits, so a turn never ends.</summary>
    internal JobTurns Turns { get; set; } = new(_ => Task.FromResult(false), TimeSpan.Zero, TimeProvider.System);

    internal EventStore Events => node.Store;

    internal IServiceProvider Services => node.Services;

    /// <summary>Where the folder store has its objects.</summary>
    internal string StorageFolder => Path.Combine(folder.FullName, "storage");

    /// <param name="objects">The store; a folder by default.</param>
    /// <param name="files">A server of others that files may come from.</param>
    internal static async Task<AlbumWorkshop> CreateAsync(
        IObjectStorage? objects = null, FileServer? files = null, TimeProvider? clock = null, Dictionary<string, string?>? settings = null)
    {
        var database = await TestPostgres.CreateDatabaseAsync();
        var folder = Directory.CreateTempSubdirectory("albums-");
        objects ??= new FolderObjectStorage(Path.Combine(folder.FullName, "storage"), TimeProvider.System);
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(
            [
                new("Mail:Provider", "Folder"),
                new("Mail:Folder", Path.Combine(folder.FullName, "mail")),
                new("Mail:From", "test@example.com"),
                new("Outbound:PrivateHosts", files?.Address.Authority),
                new("Albums:UrlHosts", files?.Address.Host),
            ])
            .AddInMemoryCollection(settings)
            .Build();
        var node = await EventsHost.StartAsync(database.ConnectionString, services => services
            .AddJobs(configuration, work: false)
            .AddMail(configuration)
            .AddSingleton(objects)
            .AddWebhooks(configuration)
            .AddUploads(configuration, work: false)
            .AddWeddings(configuration)
            .AddAlbums(configuration, work: false)
            .AddSingleton(clock ?? TimeProvider.System));
        return new AlbumWorkshop(database, node, folder, objects);
    }

    internal async Task PutAsync(string key, byte[] bytes)
    {
        await using var body = new BufferBody(bytes, Crc32.Append(0, bytes));
        await Objects.PutAsync(key, body, bytes.Length, "image/jpeg", default);
    }

    /// <summary>Stores a file and lets Uploads have said that it is complete.</summary>
    /// <param name="crc32">What Uploads says it is, if not what it is.</param>
    internal async Task UploadAsync(string key, string name, byte[] bytes, uint? crc32 = null)
    {
        await PutAsync(key, bytes);
        await AnnounceAsync(key, name, crc32 ?? Crc32.Append(0, bytes));
    }

    /// <summary>Lets Uploads have said that a file in the store is complete: from now on its CRC is known.</summary>
    internal async Task AnnounceAsync(string key, string name, uint crc32)
    {
        var stored = (await Objects.HeadAsync(key, default))!;
        var file = new UploadCompleted(
            Guid.CreateVersion7(), "ann-bob", key, name, stored.SizeBytes, crc32, "image/jpeg", stored.ETag, DateTimeOffset.UnixEpoch);
        await Events.DecideAsync<AnyUpload, UploadCompleted>(file.UploadId, _ => [file], default);
    }

    /// <summary>Turns a byte of a file over, as a bad disk does: the store notices nothing.</summary>
    internal async Task DamageAsync(string key)
    {
        var path = Path.Combine(folder.FullName, "storage", key);
        var modifiedAt = File.GetLastWriteTimeUtc(path);
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);
        File.SetLastWriteTimeUtc(path, modifiedAt);
    }

    /// <summary>A server with the endpoints, on the same database and store.</summary>
    internal Task<AlbumServer> ServeAsync(IObjectStorage? storage = null, params (string Key, string Value)[] settings) =>
        AlbumServer.StartAsync(database.ConnectionString, storage ?? Objects, settings);

    internal Task<Guid> RequestAsync(params IEnumerable<string> keys) => RequestAsync([.. keys.Select(key => new RequestedFile(key, null))]);

    internal async Task<Guid> RequestAsync(params RequestedFile[] files)
    {
        var id = Guid.CreateVersion7();
        var requested = new AlbumRequested("ann-bob", files, null, [], DateTimeOffset.UnixEpoch);
        await Events.DecideAsync<Album, IAlbumEvent>(id, album => RequestAlbumHandler.Decide(album, requested), default);
        return id;
    }

    /// <summary>One attempt, as a worker makes it.</summary>
    internal async Task AttemptAsync(Guid id, IObjectStorage? storage = null, TimeProvider? clock = null)
    {
        using var events = new EventStore(attemptDatabase, node.Services.GetRequiredService<EventTypes>(), TimeProvider.System);
        storage ??= Storage;
        var urls = new UrlSource(node.Services.GetRequiredService<OutboundHttp>(), node.Services.GetRequiredService<UrlOptions>(), new HastyClock());
        var contents = new AlbumContents(attemptDatabase, events, node.Services.GetRequiredService<Subscriptions>(), storage, urls);
        var discard = new DiscardAlbumHandler(events, storage);
        await ActivatorUtilities
            .CreateInstance<ZipAlbumHandler>(
                node.Services, events, storage, contents, urls, discard, Expiry, Turns, clock ?? Clock, NullLogger<ZipAlbumHandler>.Instance)
            .RunAsync(new ZipAlbum(id), default);
    }

    /// <summary>
    /// An attempt that breaks off once the given parts are recorded, and stores no others, however slow the database is. A part whose
    /// headers wait for a CRC comes only if those that hold the rest of the file are given too, or have headers that wait: these read it first.
    /// </summary>
    internal async Task BreakOffAsync(Guid id, params int[] parts)
    {
        var storage = new GatedParts(Storage)
        {
            BeforePart = async (_, part, cancel) =>
            {
                if (!parts.Contains(part.Number))
                {
                    await WaitForPartsAsync(id, parts.Length, cancel);
                    throw new StorageException(StorageError.Unavailable, "The test stops the attempt here.");
                }
            },
        };
        await Assert.ThrowsAsync<StorageException>(() => AttemptAsync(id, storage));
        Assert.Equal(parts, (await AlbumAsync(id)).Parts.Keys.Order());
    }

    /// <summary>Returns once so many parts are recorded.</summary>
    internal async Task WaitForPartsAsync(Guid id, int count, CancellationToken cancellationToken)
    {
        while ((await AlbumAsync(id)).Parts.Count < count)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), cancellationToken);
        }
    }

    /// <summary>Plans the album, as the first download does.</summary>
    internal Task<Album> PlanAsync(Guid id, IObjectStorage? storage = null) => ActivatorUtilities
        .CreateInstance<PlanAlbumHandler>(node.Services, storage ?? Objects)
        .PlanAsync(new PlanAlbum(id), default);

    internal IStringLocalizer<Texts> Texts => node.Services.GetRequiredService<IStringLocalizer<Texts>>();

    internal AlbumMail MailBy(IMailer mailer, AlbumOptions? options = null) =>
        new(Events, mailer, Texts, options ?? new AlbumOptions(new Uri("http://localhost/")), node.Database, TimeProvider.System);

    /// <summary>One pass of the sweep, on tables that have seen everything.</summary>
    internal async Task SweepAsync()
    {
        await CatchUpAsync();
        using var sweep = new ExpireAlbums(node.Database, Events, Expiry, Clock, NullLogger<ExpireAlbums>.Instance);
        await sweep.SweepAsync(default);
    }

    /// <summary>The module's tables know all that was said.</summary>
    internal Task CatchUpAsync() => node.Services.GetRequiredService<Subscriptions>().CatchUpAsync(AlbumsProjection.SubscriptionName, default);

    internal async Task<Album> AlbumAsync(Guid id) => (await Events.FoldAsync<Album, IAlbumEvent>(id, default)).State;

    internal async Task<List<IAlbumEvent>> HistoryAsync(Guid id)
    {
        var history = new List<IAlbumEvent>();
        await foreach (var e in Events.ReadAsync($"album-{id}", 1, default))
        {
            history.Add((IAlbumEvent)e.Payload);
        }

        return history;
    }

    /// <summary>SHA-256 of the finished ZIP.</summary>
    internal async Task<string> HashAsync(Guid id)
    {
        await using var zip = await Objects.ReadAsync((await AlbumAsync(id)).Completed!.Key, range: null, ifMatch: null, default);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(zip));
    }

    /// <summary>The finished ZIP as a file.</summary>
    internal async Task<string> DownloadAsync(Guid id)
    {
        var path = Path.Combine(folder.FullName, $"{id}.zip");
        await using var zip = await Objects.ReadAsync((await AlbumAsync(id)).Completed!.Key, range: null, ifMatch: null, default);
        await using var file = File.Create(path);
        await zip.CopyToAsync(file);
        return path;
    }

    /// <summary>Names in the finished ZIP, each unpacked and its CRC checked.</summary>
    internal async Task<string[]> EntriesAsync(Guid id)
    {
        await using var archive = await ZipFile.OpenReadAsync(await DownloadAsync(id));
        foreach (var entry in archive.Entries)
        {
            await using var content = await entry.OpenAsync();
            await content.CopyToAsync(Stream.Null);
        }

        return [.. archive.Entries.Select(entry => entry.FullName)];
    }

    /// <summary>The album's status in lists.</summary>
    internal async Task<string> ListedStatusAsync(Guid id)
    {
        await node.Services.GetRequiredService<Subscriptions>().CatchUpAsync(AlbumsProjection.SubscriptionName, default);
        return await node.ScalarAsync<string>($"select status from albums.album where id = '{id}'");
    }

    private sealed record AnyUpload : IState<AnyUpload, UploadCompleted>
    {
        public static string Category => "upload";

        public static AnyUpload Initial { get; } = new();

        public static AnyUpload Evolve(AnyUpload state, UploadCompleted e) => state;
    }

    public async ValueTask DisposeAsync()
    {
        await node.DisposeAsync();
        await attemptDatabase.DisposeAsync();
        await Postgres.DisposeAsync();
        await database.DisposeAsync();
        folder.Delete(recursive: true);
    }
}
