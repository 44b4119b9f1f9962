using Albums.Contracts;
using Platform.Events;
using Platform.Jobs;

namespace Albums;

/// <summary>
/// Goes through the albums that a filter finds and does the same to each, as somebody would by hand. Safe to repeat: it goes on behind the last page that
/// was recorded, and doing it to an album twice does it once. An abort ends it within a page. Workers have taken up what a page replays before the
/// next one is replayed: whoever asks for an album meanwhile waits behind a page of them, not behind all.
/// </summary>
internal sealed record RunBulkAction(Guid BulkId);

internal sealed class RunBulkActionHandler(EventStore store, SearchAlbums albums, AlbumOptions options, TimeProvider clock) : IJob<RunBulkAction>
{
    // Small enough that an abort is heard at once.
    private const int PageSize = 20;

    // An album says when it is taken up; an abort is heard as late.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    public async Task RunAsync(RunBulkAction command, CancellationToken cancellationToken)
    {
        for (var bulk = await FoldAsync(command, cancellationToken); bulk.IsRunning; bulk = await FoldAsync(command, cancellationToken))
        {
            var page = await albums.PageAsync(bulk.Request!, bulk.After, PageSize, cancellationToken);
            var refused = 0;
            foreach (var albumId in page)
            {
                refused += await IsRefusedAsync(albumId, bulk.Request!, cancellationToken) ? 1 : 0;
            }

            IBulkEvent step = page.Count == 0 ? new BulkCompleted(clock.GetUtcNow()) : new BulkProgressed(page[^1], page.Count - refused, refused);
            await store.DecideAsync<BulkAction, IBulkEvent>(
                command.BulkId, state => state.IsRunning && state.After == bulk.After ? [step] : [], cancellationToken);
            if (bulk.Request!.Kind is BulkKind.Replay && options.Run is AlbumRun.Workers) // processes of their own are started as many as wait
            {
                await WaitUntilTakenUpAsync(command, page, cancellationToken);
            }
        }
    }

    /// <summary>What was done is done; an admin sees how far it came, and begins another for the rest.</summary>
    public Task GaveUpAsync(RunBulkAction command, Exception error, CancellationToken cancellationToken) =>
        store.DecideAsync<BulkAction, IBulkEvent>(
            command.BulkId, state => state.IsRunning ? [new BulkAborted("the product, after failures", clock.GetUtcNow())] : [], cancellationToken);

    private async Task<BulkAction> FoldAsync(RunBulkAction command, CancellationToken cancellationToken) =>
        (await store.FoldAsync<BulkAction, IBulkEvent>(command.BulkId, cancellationToken)).State;

    private async Task WaitUntilTakenUpAsync(RunBulkAction command, IReadOnlyList<Guid> page, CancellationToken cancellationToken)
    {
        foreach (var albumId in page)
        {
            var (album, version) = await store.FoldAsync<Album, IAlbumEvent>(albumId, cancellationToken);
            while (album.IsWaitingForWork && album.AttemptsSinceReplay == 0 && (await FoldAsync(command, cancellationToken)).IsRunning)
            {
                await store.WaitForEventAsync($"{Album.Category}-{albumId}", version, LongestPause, cancellationToken);
                (album, version) = await store.FoldAsync<Album, IAlbumEvent>(albumId, cancellationToken);
            }
        }
    }

    private async Task<bool> IsRefusedAsync(Guid albumId, BulkRequested request, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        try
        {
            await store.DecideAsync<Album, IAlbumEvent>(
                albumId,
                album => request.Kind switch
                {
                    BulkKind.Replay => ReplayAlbumHandler.Decide(album, new ReplayAlbum(albumId, request.By), now),
                    BulkKind.Cancel => CancelAlbumHandler.Decide(album, new CancelAlbum(albumId, request.By), now),
                    _ => DeleteAlbumHandler.Decide(album, new DeleteAlbum(albumId, request.By), now),
                },
                cancellationToken);
            return false;
        }
        catch (CommandRefusedException)
        {
            return true;
        }
    }
}
