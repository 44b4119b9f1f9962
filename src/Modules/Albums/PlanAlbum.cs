using Albums.Zip;
using Platform.Costs;
using Platform.Events;
using Platform.Storage;

namespace Albums;

/// <summary>
/// Freezes what an album's ZIP is made of, unless it is frozen already. The job plans, and so does whoever downloads before the job came to
/// it: of several at a time one wins, and all have its plan.
/// </summary>
internal sealed record PlanAlbum(Guid AlbumId);

internal sealed class PlanAlbumHandler(
    EventStore store, IObjectStorage storage, AlbumContents contents, DiscardAlbumHandler discard, UsageLedger usage, TimeProvider clock)
{
    /// <returns>The album; without a plan where none is wanted any more, or where nothing is there to pack: that is for the job to say.</returns>
    internal async Task<Album> PlanAsync(PlanAlbum command, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(command.AlbumId, cancellationToken)).State;
        if (!album.IsWaitingForPlan || album.Request!.Files.Any(file => file.Url is not null))
        {
            return album; // files of other servers may take minutes to look at, and have no CRC before they are packed
        }

        using var charged = usage.Charge(album.AccountOf(command.AlbumId));
        var (plan, events) = await MakeAsync(contents, store, storage, command.AlbumId, album, clock, cancellationToken);
        if (plan is null)
        {
            return album;
        }

        album = (await store.DecideAsync<Album, IAlbumEvent>(command.AlbumId, state => Decide(state, events), cancellationToken)).State;
        await discard.RunAsync(new DiscardAlbum(command.AlbumId), cancellationToken); // the plan, where the album ended meanwhile
        return album;
    }

    internal static IReadOnlyList<IAlbumEvent> Decide(Album album, IReadOnlyList<IAlbumEvent> planned) => album.IsWaitingForPlan ? planned : [];

    /// <summary>Looks at every file, of a replayed edition only at those it lacks, and stores the plan.</summary>
    /// <returns>The plan and the events that tell of it; no plan, and only what was skipped, where nothing is there to pack.</returns>
    internal static async Task<(ZipPlan? Plan, IReadOnlyList<IAlbumEvent> Events)> MakeAsync(
        AlbumContents contents,
        EventStore store,
        IObjectStorage storage,
        Guid albumId,
        Album album,
        TimeProvider clock,
        CancellationToken cancellationToken)
    {
        var (plan, skipped) = album.Standing is { } edition
            ? await contents.PlanAsync(storage, album, edition, await EntriesAsync(store, storage, albumId, edition, cancellationToken), cancellationToken)
            : await contents.PlanAsync(storage, albumId, album.Request!, album.WaitsForOtherServers, cancellationToken);
        var events = skipped.Select(file => (IAlbumEvent)file.ToEvent()).ToList();
        if (plan is not null)
        {
            events.Add(await FreezeAsync(plan, storage, albumId, clock, cancellationToken));
        }

        return (plan, events);
    }

    /// <summary>Stores a plan. It counts once the event is recorded.</summary>
    internal static async Task<PlanFrozen> FreezeAsync(
        ZipPlan plan, IObjectStorage storage, Guid albumId, TimeProvider clock, CancellationToken cancellationToken)
    {
        var (key, hash) = await plan.StoreAsync(storage, albumId, cancellationToken);
        long[] sizes = [.. Enumerable.Range(1, plan.VolumeCount).Select(volume => new ZipLayout(plan, volume).SizeBytes)];
        return new PlanFrozen(
            key,
            hash,
            plan.LayoutVersion,
            plan.PartSizeBytes,
            plan.Entries.Count,
            sizes.Sum(),
            clock.GetUtcNow(),
            plan.EntriesToRead,
            plan.VolumeStarts is null ? null : sizes);
    }

    // With the CRCs that packing found: no header waits for them again.
    private static async Task<IReadOnlyList<PlannedEntry>> EntriesAsync(
        EventStore store, IObjectStorage storage, Guid albumId, Edition edition, CancellationToken cancellationToken)
    {
        var plan = await ZipPlan.LoadAsync(storage, edition.Plan, cancellationToken);
        var found = await FoundCrcs.ReadAsync(store, albumId, edition.Plan, cancellationToken);
        return
        [
            .. plan.Entries
                .Select((entry, index) => entry with { Crc32 = entry.Crc32 ?? (found.TryGetValue(index, out var crc32) ? crc32 : null) })
                .Where(entry => entry.Index >= 0),
        ];
    }
}
