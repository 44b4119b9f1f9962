using Assets.Images;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using Platform.Events;

namespace Assets;

/// <summary>What a site serves, and what it could go back to.</summary>
internal static class GetSite
{
    /// <summary>
    /// <c>GET /v1/sites</c>: names. <c>GET /v1/sites/{site}</c>: environments and releases, the newest first.
    /// <c>GET /v1/sites/{site}/releases/{n}/manifest</c>: its files with the address of each one's bytes. 404 <c>SITE_NOT_FOUND</c>,
    /// <c>RELEASE_NOT_FOUND</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder sites)
    {
        sites.MapGet("/", ListAsync);
        sites.MapGet("/{site}", GetAsync);
        sites.MapGet("/{site}/releases/{number:int}/manifest", ManifestAsync);
    }

    internal static async Task<IReadOnlyList<string>> NamesAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("select substr(id, 6) from mt_streams where type = 'site' and not is_archived order by id");
        var names = new List<string>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            names.Add(rows.GetString(0));
        }

        return names;
    }

    private static async Task<Ok<SiteList>> ListAsync(NpgsqlDataSource database, CancellationToken cancellationToken) =>
        TypedResults.Ok(new SiteList(await NamesAsync(database, cancellationToken)));

    private static async Task<Ok<SiteView>> GetAsync(string site, EventStore store, CancellationToken cancellationToken)
    {
        var found = (await store.FoldAsync<Site, ISiteEvent>(site, cancellationToken)).State;
        found.MustExist(site);
        return TypedResults.Ok(SiteView.Of(site, found));
    }

    private static async Task<Ok<ManifestView>> ManifestAsync(
        string site, int number, EventStore store, SiteObjects objects, CancellationToken cancellationToken)
    {
        var found = (await store.FoldAsync<Site, ISiteEvent>(site, cancellationToken)).State;
        found.MustExist(site);
        var release = found.ReleaseOf(number);
        var manifest = await objects.ReadAsync(site, release.ManifestHash, cancellationToken);
        return TypedResults.Ok(new ManifestView(
            site,
            number,
            manifest.Files.ToDictionary(
                file => file.Path,
                file => new ManifestEntry(ServeSite.ObjectPath(SiteObjects.AreaOf(site, release.Prefix), file.ObjectName), file.Sha256, file.SizeBytes, file.ContentType))));
    }

    private sealed record SiteList(IReadOnlyList<string> Sites);
}

/// <param name="Releases">The newest first.</param>
/// <param name="Runs">The last that were reported, the newest first; so are alerts.</param>
/// <param name="CdnHosts">That may be purged.</param>
internal sealed record SiteView(
    string Site,
    IReadOnlyList<EnvironmentView> Environments,
    IReadOnlyList<ReleaseView> Releases,
    IReadOnlyList<SyncReported>? Runs,
    IReadOnlyList<AlertRaised>? Alerts,
    IReadOnlyList<CdnHost>? CdnHosts)
{
    internal static SiteView Of(string name, Site site) => new(
        name,
        [.. site.Environments.Values.Select(environment => EnvironmentView.Of(name, environment, site))],
        [.. site.Releases.Values.Reverse().Select(release =>
            new ReleaseView(release.Number, release.ManifestHash, release.Files, release.SizeBytes, release.Environment, release.CreatedAt))],
        [.. site.Runs.Reverse()],
        [.. site.Alerts.Reverse()],
        site.CdnHosts);
}

/// <param name="Release">The one it serves; <see langword="null"/> before its first.</param>
/// <param name="Path">Where this host serves it.</param>
/// <param name="Prefix">Of the syncs to come.</param>
/// <param name="ReleasePrefix">That the objects of the release are under.</param>
/// <param name="ReleaseUnderWay">The one that its public paths are being brought to.</param>
internal sealed record EnvironmentView(
    string Name,
    int? Release,
    string? ManifestHash,
    DateTimeOffset? ActivatedAt,
    Guid? SyncUnderWay,
    string Path,
    IReadOnlyList<CacheRule>? CacheRules,
    bool PublishesPaths,
    int? ReleaseUnderWay,
    IReadOnlyList<SiteImageRule>? ImageRules,
    string? PublicUrl,
    string? CloudflareZone,
    string? PurgeWebhookUrl,
    AlertThresholds? AlertThresholds,
    string? Prefix,
    string? ReleasePrefix)
{
    internal static EnvironmentView Of(string site, SiteEnvironment environment, Site state)
    {
        var active = state.Active.GetValueOrDefault(environment.Name);
        return new EnvironmentView(
            environment.Name,
            active?.Release,
            active?.ManifestHash,
            active?.At,
            state.Syncs.GetValueOrDefault(environment.Name)?.SyncId,
            ServeSite.PublicPath(site, environment.Name),
            environment.CacheRules,
            environment.PublishesPaths,
            state.PublicationsOf(environment.Name).LastOrDefault()?.Release,
            environment.ImageRules,
            environment.PublicUrl,
            environment.CloudflareZone,
            environment.PurgeWebhookUrl,
            environment.Alerts,
            environment.Prefix,
            active is null ? null : state.ReleaseOf(active.Release).Prefix);
    }
}

internal sealed record ReleaseView(int Number, string ManifestHash, int Files, long SizeBytes, string Environment, DateTimeOffset CreatedAt);

internal sealed record ManifestView(string Site, int Release, IReadOnlyDictionary<string, ManifestEntry> Files);

/// <param name="Url">Never changes what it gives, and may be cached for ever.</param>
internal sealed record ManifestEntry(string Url, string Sha256, long SizeBytes, string ContentType);
