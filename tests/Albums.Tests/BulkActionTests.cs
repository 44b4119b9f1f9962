using Albums.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Platform.Events;
using Testing;
using Xunit;

namespace Albums.Tests;

/// <summary>The same for all albums that a filter finds.</summary>
public sealed class BulkActionTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private static readonly BulkRequested Requested = new(BulkKind.Replay, null, [AlbumStatus.Failed], null, 3, "ann", Now);

    private AlbumWorkshop workshop = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private IAlbums Albums => workshop.Services.GetRequiredService<IAlbums>();

    public async ValueTask InitializeAsync() => workshop = await AlbumWorkshop.CreateAsync();

    public ValueTask DisposeAsync() => workshop.DisposeAsync();

    [Fact]
    public void An_abort_ends_what_runs_and_nothing_else()
    {
        Given(Requested).When(bulk => BulkActions.Decide(bulk, "ben", Now)).Then(new BulkAborted("ben", Now));
        Given(Requested, new BulkCompleted(Now)).When(bulk => BulkActions.Decide(bulk, "ben", Now)).ThenNothing();
        Given(Requested, new BulkAborted("ann", Now)).When(bulk => BulkActions.Decide(bulk, "ben", Now)).ThenNothing();
        Given().When(bulk => BulkActions.Decide(bulk, "ben", Now)).ThenNothing();
    }

    [Fact]
    public async Task All_that_fit_are_replayed_and_no_others()
    {
        var fitting = await FailedAsync("kim-lee", 45);
        var other = await FailedAsync("ann-bob", 2);
        var bulk = await StartAsync(BulkKind.Replay, new AlbumSearch("kim", [AlbumStatus.Failed]));
        Assert.Equal((45, 0, true), (bulk.Found, bulk.Done, bulk.IsRunning));
        var later = await FailedAsync("kim-lee", 1);

        await RunAsync(bulk);
        var after = await Albums.WatchBulkAsync(bulk.BulkId, Cancel).LastAsync(Cancel);
        Assert.Equal((45, 0, false, null), (after.Done, after.Refused, after.IsRunning, after.AbortedBy));
        foreach (var id in fitting)
        {
            Assert.Equal(["ann"], (await workshop.HistoryAsync(id)).OfType<AlbumReplayed>().Select(replayed => replayed.By));
        }

        Assert.All(await Task.WhenAll(other.Concat(later).Select(workshop.AlbumAsync)), album => Assert.Equal(AlbumStatus.Failed, album.Status));
    }

    /// <summary>The process dies between two pages, or after a page and before its event: the next attempt goes on there.</summary>
    [Fact]
    public async Task One_that_was_cut_off_goes_on_where_it_was()
    {
        var ids = await FailedAsync("kim-lee", 30);
        var bulk = await StartAsync(BulkKind.Replay, new AlbumSearch(Statuses: [AlbumStatus.Failed]));
        await Albums.ReplayAsync(ids[0], "ann", Cancel);
        await workshop.Events.DecideAsync<BulkAction, IBulkEvent>(bulk.BulkId, _ => [new BulkProgressed(ids[9], 10, 0)], Cancel);
        await RunAsync(bulk);
        await RunAsync(bulk);
        var after = await Albums.WatchBulkAsync(bulk.BulkId, Cancel).LastAsync(Cancel);
        Assert.Equal((30, false), (after.Done, after.IsRunning));
        Assert.Equal((1, 0), (await ReplaysAsync(ids[0]), await ReplaysAsync(ids[1])));
        Assert.All(await Task.WhenAll(ids.Skip(10).Select(ReplaysAsync)), replays => Assert.Equal(1, replays));
    }

    /// <summary>Whoever asks for an album meanwhile stands behind a page of them. The log has each page behind the attempts at the one before.</summary>
    [Fact]
    public async Task Replays_are_queued_as_workers_take_them_up()
    {
        var ids = await FailedAsync("kim-lee", 45);
        var bulk = await StartAsync(BulkKind.Replay, new AlbumSearch(Statuses: [AlbumStatus.Failed]));
        var running = RunAsync(bulk, AlbumRun.Workers);
        foreach (var id in ids)
        {
            while ((await workshop.AlbumAsync(id)).Status is AlbumStatus.Failed)
            {
                await workshop.Events.WaitForEventAsync($"album-{id}", 2, TimeSpan.FromSeconds(1), Cancel);
            }

            await TakeUpAsync(id);
        }

        await running;
        var waiting = 0;
        await using var log = workshop.Services.GetRequiredService<NpgsqlDataSource>().CreateCommand(
            "select array_agg(type order by seq_id) from mt_events where type in ('album_replayed', 'attempt_started')");
        foreach (var type in (string[])(await log.ExecuteScalarAsync(Cancel))!)
        {
            waiting += type == "album_replayed" ? 1 : -1;
            Assert.InRange(waiting, 0, 20);
        }
    }

    [Fact]
    public async Task An_abort_is_heard_where_no_worker_takes_anything_up()
    {
        var ids = await FailedAsync("kim-lee", 25);
        var bulk = await StartAsync(BulkKind.Replay, new AlbumSearch(Statuses: [AlbumStatus.Failed]));
        var running = RunAsync(bulk, AlbumRun.Workers);
        await Albums.WatchBulkAsync(bulk.BulkId, Cancel).FirstAsync(state => state.Done == 20, Cancel);
        await Albums.AbortBulkAsync(bulk.BulkId, "ben", Cancel);
        await running;
        Assert.Equal(20, (await Task.WhenAll(ids.Select(ReplaysAsync))).Sum());
    }

    [Fact]
    public async Task An_aborted_one_does_nothing_more()
    {
        var ids = await FailedAsync("kim-lee", 3);
        var bulk = await StartAsync(BulkKind.Delete, new AlbumSearch());
        Assert.Equal("ben", (await Albums.AbortBulkAsync(bulk.BulkId, "ben", Cancel)).AbortedBy);
        await RunAsync(bulk);
        Assert.Equal(AlbumStatus.Failed, (await workshop.AlbumAsync(ids[0])).Status);
    }

    [Fact]
    public async Task What_is_refused_is_counted_and_the_others_are_cancelled()
    {
        var ids = await FailedAsync("kim-lee", 3);
        var bulk = await StartAsync(BulkKind.Cancel, new AlbumSearch(Statuses: [AlbumStatus.Failed]));

        // Lists still have it as failed: while a transaction runs, no subscription sees what was written after it began.
        await using var connection = await workshop.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync(Cancel);
        await using var transaction = await connection.BeginTransactionAsync(Cancel);
        await using var begin = new NpgsqlCommand("select pg_current_xact_id()", connection, transaction);
        await begin.ExecuteNonQueryAsync(Cancel);
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(
            ids[1], _ => [new AlbumCompleted("kim-lee", "key", 1, "etag", 1, 0, Now, Now)], Cancel);
        await RunAsync(bulk, catchUp: false);
        var after = await Albums.WatchBulkAsync(bulk.BulkId, Cancel).LastAsync(Cancel);
        Assert.Equal((2, 1), (after.Done, after.Refused));
        Assert.Equal(AlbumStatus.Cancelled, (await workshop.AlbumAsync(ids[2])).Status);
    }

    [Fact]
    public async Task There_is_no_other()
    {
        var refused = await Assert.ThrowsAsync<CommandRefusedException>(() => Albums.AbortBulkAsync(Guid.CreateVersion7(), "ann", Cancel));
        Assert.Equal("BULK_ACTION_NOT_FOUND", refused.Code);
    }

    private static Decision<BulkAction, IBulkEvent> Given(params IBulkEvent[] history) => new(AlbumsModule.MapEvents, history);

    private Task TakeUpAsync(Guid id) => workshop.Events.DecideAsync<Album, IAlbumEvent>(id, _ => [new AttemptStarted("node", Now)], Cancel);

    private async Task<List<Guid>> FailedAsync(string weddingId, int count)
    {
        var ids = Enumerable.Range(0, count).Select(_ => Guid.CreateVersion7()).Order().ToList();
        foreach (var id in ids)
        {
            await workshop.Events.DecideAsync<Album, IAlbumEvent>(
                id, _ => [new AlbumRequested(weddingId, [], "photos/", [], DateTimeOffset.UtcNow), new AlbumFailed("NO_FILES", "", Now)], Cancel);
        }

        return ids;
    }

    private async Task<BulkView> StartAsync(BulkKind kind, AlbumSearch search)
    {
        await CatchUpAsync();
        return await Albums.StartBulkAsync(kind, search, "ann", Cancel);
    }

    private async Task RunAsync(BulkView bulk, bool catchUp = true)
    {
        if (catchUp)
        {
            await CatchUpAsync();
        }

        await RunAsync(bulk, AlbumRun.Batch); // no worker takes an album up here
    }

    private Task RunAsync(BulkView bulk, AlbumRun run) => ActivatorUtilities
        .CreateInstance<RunBulkActionHandler>(workshop.Services, new AlbumOptions(new Uri("http://localhost/"), Run: run))
        .RunAsync(new RunBulkAction(bulk.BulkId), Cancel);

    private Task CatchUpAsync() => workshop.Services.GetRequiredService<Subscriptions>().CatchUpAsync(AlbumsProjection.SubscriptionName, Cancel);

    private async Task<int> ReplaysAsync(Guid id) => (await workshop.HistoryAsync(id)).OfType<AlbumReplayed>().Count();
}
