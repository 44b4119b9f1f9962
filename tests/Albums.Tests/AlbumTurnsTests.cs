using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform.Jobs;
using Platform.Mail;
using Platform.Storage;
using Platform.Webhooks;
using Testing;
using Uploads;
using Weddings;
using Xunit;

namespace Albums.Tests;

/// <summary>With their real jobs: large albums take every place, and a small one that comes later is complete first.</summary>
public sealed class AlbumTurnsTests : IAsyncLifetime
{
    private const int LargeParts = 12; // and one more for what is behind the last file

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("turns-");
    private TestDatabase database = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => database = await TestPostgres.CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Theory(Timeout = 120_000)]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    [InlineData(2, 3)]
    public async Task A_small_album_does_not_wait_for_large_ones(int concurrency, int largeAlbums)
    {
        var gate = new GatedParts(new FolderObjectStorage(Path.Combine(folder.FullName, "storage"), TimeProvider.System));
        var storage = new FaultyObjectStorage(gate);
        await using var node = await StartAsync(storage, concurrency);
        await PutAsync(storage, "large.mov", LargeParts * (8 << 20)); // each turn stores a part, and at most those that were begun besides
        await PutAsync(storage, "small.jpg", 1000);

        // A turn ends once a part is recorded: where the database is slow, all parts might be stored by then. Where there are two places,
        // large albums have their next turns beside the small one's: whoever gives it no place before them waits here for ever.
        var smallIsComplete = new TaskCompletionSource();
        gate.BeforePart = async (upload, part, cancel) =>
        {
            if (part.Number > 2)
            {
                await FirstPartAsync(node, upload, cancel);
            }

            if (part.Number > LargeParts)
            {
                await smallIsComplete.Task.WaitAsync(cancel);
            }
        };

        // Nothing is stored before the small album stands in the queue, behind all others.
        var everybodyWaits = new TaskCompletionSource();
        storage.BeforeCall = _ => everybodyWaits.Task.WaitAsync(Cancellation);
        var large = new List<Guid>();
        for (var i = 0; i < largeAlbums; i++)
        {
            large.Add(await RequestAsync(node, "large.mov"));
        }

        var small = await RequestAsync(node, "small.jpg");
        everybodyWaits.SetResult();

        var smallAt = await CompletedAtAsync(node, small);
        smallIsComplete.SetResult();
        foreach (var album in large)
        {
            Assert.InRange(await CompletedAtAsync(node, album), smallAt + 1, long.MaxValue);
        }
    }

    private Task<EventsHost> StartAsync(IObjectStorage storage, int concurrency)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(
        [
            new("Jobs:Concurrency", $"{concurrency}"),
            new("Jobs:Turn", "0:00"),
            new("Mail:Folder", Path.Combine(folder.FullName, "mail")),
        ]).Build();
        return EventsHost.StartAsync(database.ConnectionString, services => services
            .AddJobs(configuration, work: true)
            .AddMail(configuration)
            .AddSingleton(storage)
            .AddWebhooks(configuration)
            .AddUploads(configuration, work: false)
            .AddWeddings(configuration)
            .AddAlbums(configuration, work: false));
    }

    private static async Task PutAsync(IObjectStorage storage, string key, int sizeBytes)
    {
        await using var body = new BufferBody(new byte[sizeBytes], Crc32.Append(0, new byte[sizeBytes]));
        await storage.PutAsync(key, body, sizeBytes, "image/jpeg", Cancellation);
    }

    /// <summary>Returns once its job is queued.</summary>
    private static async Task<Guid> RequestAsync(EventsHost node, string key)
    {
        var id = Guid.CreateVersion7();
        var requested = new AlbumRequested("ann-bob", [new RequestedFile(key, null)], null, [], DateTimeOffset.UnixEpoch);
        await node.Store.DecideAsync<Album, IAlbumEvent>(id, album => RequestAlbumHandler.Decide(album, requested), Cancellation);
        while (await node.ScalarAsync<long>($"select count(*) from quartz.qrtz_job_details where job_name like 'zip_album/{id}%'") == 0)
        {
            await Task.Delay(20, Cancellation);
        }

        return id;
    }

    /// <summary>Returns once a part of the album is recorded.</summary>
    private static async Task FirstPartAsync(EventsHost node, MultipartUpload upload, CancellationToken cancellationToken)
    {
        var id = Guid.Parse(upload.Key.Split('/')[1]);
        while ((await node.Store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken)).State.Parts.Count == 0)
        {
            await Task.Delay(20, cancellationToken);
        }
    }

    /// <summary>Where in the log the album's completion stands.</summary>
    private static async Task<long> CompletedAtAsync(EventsHost node, Guid id)
    {
        while (true)
        {
            var album = await node.Store.FoldAsync<Album, IAlbumEvent>(id, Cancellation);
            Assert.Null(album.State.Failure);
            if (album.State.Completed is not null)
            {
                return await node.ScalarAsync<long>($"select seq_id from mt_events where stream_id = 'album-{id}' and type = 'album_completed'");
            }

            await node.Store.WaitForEventAsync($"album-{id}", album.Version, TimeSpan.FromSeconds(1), Cancellation);
        }
    }
}
