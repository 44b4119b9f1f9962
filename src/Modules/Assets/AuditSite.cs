using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Events;
using Platform.Storage;

namespace Assets;

/// <summary>Compares what the store has of a site with what its releases need. Safe to repeat, and at any time.</summary>
/// <param name="Repair">
/// Makes the table of objects agree with the store, so that the next full sync sends what is missing; and removes what belongs to nothing.
/// </param>
internal sealed record AuditSite(bool Repair = false);

/// <param name="Objects">In the store.</param>
/// <param name="Missing">Objects, with what their environment's prefix puts before them, that a kept release needs and the store does not have, or with another size.</param>
/// <param name="Foreign">In the store for more than a day, without anybody having recorded it: what a build server sent and never reported.</param>
internal sealed record AuditReport(int Objects, long SizeBytes, IReadOnlyList<string> Missing, IReadOnlyList<string> Foreign);

internal sealed class AuditSiteHandler(EventStore store, IObjectStorage storage, SiteObjects manifests, ObjectIndex index, TimeProvider clock)
{
    /// <summary><c>POST /v1/sites/{site}/audit</c>. 200 with what was found; 404 <c>SITE_NOT_FOUND</c>. One list request for each 1,000 objects.</summary>
    internal static void Map(RouteGroupBuilder sites) => sites.MapPost(
        "/{site}/audit",
        async Task<Ok<AuditReport>> (string site, AuditSite command, AuditSiteHandler handler, CancellationToken cancellationToken) =>
            TypedResults.Ok(await handler.AuditAsync(site, command, cancellationToken)));

    private async Task<AuditReport> AuditAsync(string siteName, AuditSite command, CancellationToken cancellationToken)
    {
        var site = (await store.FoldAsync<Site, ISiteEvent>(siteName, cancellationToken)).State;
        site.MustExist(siteName);
        string[] areas =
        [
            .. site.Environments.Values.Select(environment => environment.Prefix)
                .Concat(site.Releases.Values.Select(release => release.Prefix))
                .Select(prefix => SiteObjects.AreaOf(siteName, prefix))
                .Union(await index.AreasAsync(siteName, cancellationToken)),
        ];
        var whole = new AuditReport(0, 0, [], []);
        foreach (var area in areas.Order(StringComparer.Ordinal))
        {
            var part = await AuditAreaAsync(siteName, area, command, cancellationToken);
            var within = area.Length == siteName.Length ? "" : $"{area[(siteName.Length + 1)..]}/objects/";
            whole = new AuditReport(
                whole.Objects + part.Objects,
                whole.SizeBytes + part.SizeBytes,
                [.. whole.Missing, .. part.Missing.Select(name => within + name)],
                [.. whole.Foreign, .. part.Foreign.Select(name => within + name)]);
        }

        return whole;
    }

    private async Task<AuditReport> AuditAreaAsync(string site, string area, AuditSite command, CancellationToken cancellationToken)
    {
        // Before the list, so that what they need was there when it was read.
        var needed = await NeededAsync(site, area, cancellationToken);
        var stored = await ListAsync(area, cancellationToken);

        // A release that was let go of meanwhile needs nothing any more.
        var stillNeeded = await NeededAsync(site, area, cancellationToken);
        var whole = needed.Values.Where(file => stored.GetValueOrDefault(file.ObjectName)?.SizeBytes == file.SizeBytes).ToList();
        string[] missing = [.. needed.Keys.Except(whole.Select(file => file.ObjectName)).Where(stillNeeded.ContainsKey).Order(StringComparer.Ordinal)];
        var unknown = (await index.MissingAsync(area, stored.Keys, cancellationToken)).ToHashSet(StringComparer.Ordinal);
        string[] foreign = [.. stored
            .Where(found => unknown.Contains(found.Key) && !stillNeeded.ContainsKey(found.Key) && found.Value.ModifiedAt < clock.GetUtcNow() - DiscardReleases.Grace)
            .Select(found => found.Key)
            .Order(StringComparer.Ordinal)];
        if (command.Repair)
        {
            await index.ForgetAsync(area, missing, cancellationToken);
            await index.AddAsync(area, [.. whole.Select(file => (file.ObjectName, file.SizeBytes))], cancellationToken);
            foreach (var name in foreign)
            {
                await storage.DeleteAsync(SiteObjects.ObjectKey(area, name), cancellationToken);
            }
        }

        return new AuditReport(stored.Count, stored.Values.Sum(found => found.SizeBytes), missing, foreign);
    }

    private async Task<Dictionary<string, AssetFile>> NeededAsync(string siteName, string area, CancellationToken cancellationToken)
    {
        var site = (await store.FoldAsync<Site, ISiteEvent>(siteName, cancellationToken)).State;
        var needed = new Dictionary<string, AssetFile>(StringComparer.Ordinal);
        foreach (var hash in site.Releases.Values
            .Where(release => SiteObjects.AreaOf(siteName, release.Prefix) == area)
            .Select(release => release.ManifestHash).Distinct())
        {
            foreach (var (name, file) in (await manifests.ReadAsync(siteName, hash, cancellationToken)).Objects)
            {
                needed.TryAdd(name, file);
            }
        }

        return needed;
    }

    private async Task<Dictionary<string, StoredObject>> ListAsync(string area, CancellationToken cancellationToken)
    {
        var prefix = SiteObjects.ObjectKey(area, "");
        var stored = new Dictionary<string, StoredObject>(StringComparer.Ordinal);
        string? continuation = null;
        do
        {
            var page = await storage.ListAsync(prefix, continuation, cancellationToken);
            foreach (var found in page.Objects)
            {
                stored[found.Key[prefix.Length..]] = found;
            }

            continuation = page.Continuation;
        }
        while (continuation is not null);
        return stored;
    }
}
