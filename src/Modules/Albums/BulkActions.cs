using System.Runtime.CompilerServices;
using Albums.Contracts;
using Platform.Events;

namespace Albums;

/// <summary>Begins, follows and aborts bulk actions.</summary>
internal sealed class BulkActions(EventStore store, SearchAlbums albums, TimeProvider clock)
{
    // A page of albums takes about so long.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    internal async Task<BulkView> StartAsync(BulkKind kind, AlbumSearch search, string by, CancellationToken cancellationToken)
    {
        var found = await albums.CountAsync(search, cancellationToken);
        var requested = new BulkRequested(kind, search.Text, search.Statuses ?? [], search.RequestedFrom, found, by, clock.GetUtcNow());
        var bulkId = Guid.CreateVersion7(requested.At);
        return (await store.DecideAsync<BulkAction, IBulkEvent>(
            bulkId, state => state.Request is null ? [requested] : [], cancellationToken)).State.ToView(bulkId);
    }

    internal async Task<BulkView> AbortAsync(Guid bulkId, string by, CancellationToken cancellationToken) =>
        (await store.DecideAsync<BulkAction, IBulkEvent>(
            bulkId, state => Decide(state, by, clock.GetUtcNow()), cancellationToken)).State.ToView(bulkId);

    internal static IReadOnlyList<IBulkEvent> Decide(BulkAction bulk, string by, DateTimeOffset now) =>
        bulk.IsRunning ? [new BulkAborted(by, now)] : [];

    internal async IAsyncEnumerable<BulkView> WatchAsync(Guid bulkId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            var (bulk, version) = await store.FoldAsync<BulkAction, IBulkEvent>(bulkId, cancellationToken);
            yield return bulk.ToView(bulkId);
            if (!bulk.IsRunning)
            {
                yield break;
            }

            await store.WaitForEventAsync($"{BulkAction.Category}-{bulkId}", version, LongestPause, cancellationToken);
        }
    }
}
