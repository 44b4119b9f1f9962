using Albums.Contracts;
using Albums.Zip;
using Microsoft.Extensions.Caching.Memory;
using Platform.Events;
using Platform.Storage;

namespace Albums;

/// <summary>An album's files, a page at a time: those that are missing first, then the entries of the ZIP in their order.</summary>
internal sealed class AlbumFiles(EventStore store, IObjectStorage storage) : IDisposable
{
    private const int PageSize = 50;

    // Two albums of the largest size, or hundreds of usual ones: pages of one plan are looked at one after the other.
    private const int MostEntriesKept = 2 * AlbumContents.MostFiles;

    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(2);

    private readonly MemoryCache plans = new(new MemoryCacheOptions { SizeLimit = MostEntriesKept });

    internal async Task<AlbumFilePage> FindAsync(Guid albumId, AlbumFileSearch search, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(albumId, cancellationToken)).State;
        var entries = album.Plan is null || album.LeavesNothing ? [] : await EntriesAsync(album.Plan, cancellationToken);
        var found = album.Skipped.Select(file => new AlbumFileRow(file.Name, SizeBytes: null, AlbumFileState.Missing, file.Reason))
            .Concat(entries.Select((entry, index) => RowOf(album, entry, StateOf(album, index))))
            .Where(file => search.State is null || file.State == search.State)
            .Where(file => string.IsNullOrWhiteSpace(search.Text) || file.Name.Contains(search.Text.Trim(), StringComparison.OrdinalIgnoreCase))
            .ToList();
        var page = found.Skip(search.From).Take(PageSize).ToList();
        var next = search.From + page.Count;
        return new AlbumFilePage(page, found.Count, next < found.Count ? next : null);
    }

    public void Dispose() => plans.Dispose();

    internal async Task<IReadOnlyList<PlannedEntry>> EntriesAsync(PlanFrozen frozen, CancellationToken cancellationToken)
    {
        if (!plans.TryGetValue<ZipPlan>(frozen.PlanHash, out var plan))
        {
            plan = await ZipPlan.LoadAsync(storage, frozen, cancellationToken);
            plans.Set(frozen.PlanHash, plan, new MemoryCacheEntryOptions { Size = plan.Entries.Count, SlidingExpiration = Unused });
        }

        return plan!.Entries;
    }

    private static AlbumFileRow RowOf(Album album, PlannedEntry entry, AlbumFileState state)
    {
        var maySkip = state is not AlbumFileState.Packed && (album.IsWaitingForWork || album.Status is AlbumStatus.Failed)
            && entry.Index >= 0 && !album.LeavesOut(entry.Index);
        return new AlbumFileRow(entry.Name, entry.SizeBytes, state, Reason: null, maySkip ? entry.Index : null);
    }

    private static AlbumFileState StateOf(Album album, int entry) =>
        album.Completed is not null || entry < album.FilesZipped ? AlbumFileState.Packed
        : album.Underway.Entries.ContainsKey(entry) ? AlbumFileState.Packing
        : AlbumFileState.Waiting;
}
