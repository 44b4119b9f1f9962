using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Events;

namespace Assets;

/// <summary>
/// Makes a release of a sync whose objects are all in the store, and switches its environment to it, in one step. Safe to repeat: a sync is
/// committed once.
/// </summary>
internal sealed record CommitSync(Guid SyncId);

internal sealed class CommitSyncHandler(EventStore store, SiteObjects manifests, ObjectIndex index, TimeProvider clock)
{
    private const int MostNamed = 1000;

    /// <summary>
    /// <c>POST /v1/sites/{site}/syncs/{id}/commit</c>. 200 with the release; 404 <c>SYNC_NOT_FOUND</c>; 409 <c>SYNC_INCOMPLETE</c> with up to
    /// 1,000 <c>missing</c> objects, <c>SYNC_SUPERSEDED</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder sites) => sites.MapPost(
        "/{site}/syncs/{id}/commit",
        async Task<Ok<CommittedSync>> (string site, Guid id, CommitSyncHandler handler, CancellationToken cancellationToken) =>
            TypedResults.Ok(await handler.CommitAsync(site, new CommitSync(id), cancellationToken)));

    internal static IReadOnlyList<ISiteEvent> Decide(Site site, CommitSync command, DateTimeOffset now)
    {
        if (site.ReleaseBy(command.SyncId) is not null)
        {
            return [];
        }

        var sync = site.SyncOf(command.SyncId);
        var number = site.LastRelease + 1;
        return
        [
            new SyncCompleted(sync.SyncId, number, sync.Environment, sync.ManifestHash, sync.Files, sync.SizeBytes, now) { Prefix = sync.Prefix },
            site.SwitchTo(number, sync.Environment, sync.ManifestHash, now),
        ];
    }

    private async Task<CommittedSync> CommitAsync(string siteName, CommitSync command, CancellationToken cancellationToken)
    {
        var site = (await store.FoldAsync<Site, ISiteEvent>(siteName, cancellationToken)).State;
        if (site.ReleaseBy(command.SyncId) is null)
        {
            var sync = site.SyncOf(command.SyncId);
            var manifest = await manifests.ReadAsync(siteName, sync.ManifestHash, cancellationToken);

            // Between the look and the event nothing may be removed.
            await using var held = await index.HoldAsync(ObjectIndex.CommitLock(siteName), cancellationToken);
            if (await index.MissingAsync(SiteObjects.AreaOf(siteName, sync.Prefix), [.. manifest.Objects.Keys], cancellationToken) is { Count: > 0 } missing)
            {
                throw new CommandRefusedException("SYNC_INCOMPLETE", $"{missing.Count} objects of this sync are not in the store yet.")
                {
                    Members = new Dictionary<string, object?> { ["missing"] = missing.Take(MostNamed) },
                };
            }

            site = (await store.DecideAsync<Site, ISiteEvent>(
                siteName, state => Decide(state, command, clock.GetUtcNow()), cancellationToken)).State;
        }

        var release = site.ReleaseBy(command.SyncId)!;
        return new CommittedSync(
            release.Number,
            release.Environment,
            ServeSite.PublicPath(siteName, release.Environment),
            site.PublicationsOf(release.Environment).LastOrDefault()?.Release == release.Number);
    }
}

/// <param name="Path">Where this host serves it.</param>
/// <param name="IsPublishing">It is served once the public paths are brought to it.</param>
internal sealed record CommittedSync(int Release, string Environment, string Path, bool IsPublishing);
