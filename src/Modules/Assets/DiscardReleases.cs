using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform;
using Platform.Events;
using Platform.Storage;

namespace Assets;

/// <param name="KeepReleases">The newest of a site, beside those that are served.</param>
internal sealed record RetentionOptions(int KeepReleases, TimeSpan SweepInterval)
{
    private const int MostReleases = 1000;

    /// <exception cref="StartupException">A value is out of bounds.</exception>
    internal static RetentionOptions Read(IConfiguration configuration)
    {
        var keep = configuration["Assets:KeepReleases"] ?? "10";
        var interval = configuration["Assets:SweepInterval"] ?? "01:00:00";
        return !int.TryParse(keep, NumberStyles.None, CultureInfo.InvariantCulture, out var releases) || releases is < 1 or > MostReleases
            ? throw new StartupException($"Assets__KeepReleases is {keep}, but must be a number between 1 and {MostReleases}.")
            : TimeSpan.TryParse(interval, CultureInfo.InvariantCulture, out var pause) && pause >= TimeSpan.FromSeconds(1)
                ? new RetentionOptions(releases, pause)
                : throw new StartupException($"Assets__SweepInterval is {interval}, but must be a time of at least a second, such as 01:00:00.");
    }
}

// What goes, and why a crash at each point is safe:
//
//   1. ReleasesDiscarded: from here on nobody can activate them. A crash after it leaves objects, which the next sweep finds.
//   2. Under the lock that commits take: objects that no kept release and no sync under way has are marked. A commit before sees its
//      objects kept; one after finds them missing and asks for them again.
//   3. Each is deleted, then its row. A crash between leaves marked rows, which the next sweep deletes; until then nobody can store that object.

/// <summary>Lets go of releases beyond those that are kept, and of the objects that no kept release has. One node at a time sweeps a site.</summary>
internal sealed class DiscardReleases(
    EventStore store,
    NpgsqlDataSource database,
    IObjectStorage storage,
    SiteObjects manifests,
    ObjectIndex index,
    RetentionOptions options,
    TimeProvider clock,
    ILogger<DiscardReleases> log) : BackgroundService
{
    private const int DeletionsAtOnce = 16;

    // What a sync sent before it was superseded is likely to be asked for by the next one.
    internal static readonly TimeSpan Grace = TimeSpan.FromDays(1);

    /// <summary>The newest ones and those that are served stay.</summary>
    internal static IReadOnlyList<ISiteEvent> Decide(Site site, int keep, DateTimeOffset now)
    {
        HashSet<int> served =
        [
            .. site.Active.Values.Select(active => active.Release),
            .. site.Publications.Values.SelectMany(publications => publications).Select(publication => publication.Release),
        ];
        int[] old = [.. site.Releases.Keys.Reverse().Skip(keep).Where(number => !served.Contains(number)).Order()];
        return old.Length == 0 ? [] : [new ReleasesDiscarded(old, now)];
    }

    /// <summary>One pass over all sites. What fails is left for the next one.</summary>
    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var site in await GetSite.NamesAsync(database, cancellationToken))
        {
            try
            {
                await SweepAsync(site, cancellationToken);
            }
            catch (StorageException e)
            {
                log.NotSwept(e, site);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.SweepInterval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (NpgsqlException e)
            {
                log.SweepFailed(e);
            }
        }
    }

    private async Task SweepAsync(string siteName, CancellationToken cancellationToken)
    {
        await using var turn = await index.HoldAsync($"sweep {siteName}", cancellationToken);
        var site = (await store.DecideAsync<Site, ISiteEvent>(
            siteName, state => Decide(state, options.KeepReleases, clock.GetUtcNow()), cancellationToken)).State;
        foreach (var area in await index.AreasAsync(siteName, cancellationToken))
        {
            await SweepAreaAsync(siteName, area, cancellationToken);
        }

        await RemoveManifestsAsync(siteName, HashesOf(site).Select(hash => SiteObjects.ManifestKey(siteName, hash)).ToHashSet(StringComparer.Ordinal), cancellationToken);
    }

    private async Task SweepAreaAsync(string siteName, string area, CancellationToken cancellationToken)
    {
        var garbage = await MarkAsync(siteName, area, cancellationToken);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = DeletionsAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(garbage, parallel, async (name, cancel) => await storage.DeleteAsync(SiteObjects.ObjectKey(area, name), cancel));
        await index.RemoveAsync(area, garbage, cancellationToken);
        if (garbage.Count > 0)
        {
            log.ObjectsRemoved(area, garbage.Count);
        }
    }

    // A manifest is written before the event that refers to it.
    private async Task RemoveManifestsAsync(string siteName, HashSet<string> kept, CancellationToken cancellationToken)
    {
        string? continuation = null;
        do
        {
            var page = await storage.ListAsync(SiteObjects.ManifestPrefix(siteName), continuation, cancellationToken);
            foreach (var manifest in page.Objects.Where(found => !kept.Contains(found.Key) && found.ModifiedAt < clock.GetUtcNow() - Grace))
            {
                await storage.DeleteAsync(manifest.Key, cancellationToken);
            }

            continuation = page.Continuation;
        }
        while (continuation is not null);
    }

    private async Task<IReadOnlyList<string>> MarkAsync(string siteName, string area, CancellationToken cancellationToken)
    {
        await using var held = await index.HoldAsync(ObjectIndex.CommitLock(siteName), cancellationToken);
        var site = (await store.FoldAsync<Site, ISiteEvent>(siteName, cancellationToken)).State;
        var kept = new HashSet<string>(StringComparer.Ordinal);
        IEnumerable<(string? Prefix, string Hash)> needed =
        [
            .. site.Releases.Values.Select(release => (release.Prefix, release.ManifestHash)),
            .. site.Syncs.Values.Select(sync => (sync.Prefix, sync.ManifestHash)),
        ];
        foreach (var (_, hash) in needed.Distinct().Where(each => SiteObjects.AreaOf(siteName, each.Prefix) == area))
        {
            kept.UnionWith((await manifests.ReadAsync(siteName, hash, cancellationToken)).Objects.Keys);
        }

        return await index.MarkAllButAsync(area, kept, clock.GetUtcNow() - Grace, cancellationToken);
    }

    private static IEnumerable<string> HashesOf(Site site) =>
    [
        .. site.Releases.Values.Select(release => release.ManifestHash),
        .. site.Syncs.Values.Select(sync => sync.ManifestHash),
        .. site.Published.Values.Concat(site.Publications.Values.SelectMany(publications => publications)).Select(publication => publication.ManifestHash),
    ];
}
