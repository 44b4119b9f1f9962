using Platform.Events;
using Platform.Jobs;
using Platform.Webhooks;

namespace Assets;

/// <summary>
/// Lets the CDN before an environment forget what another release changed. Files whose names change with their content are among them only
/// when they are new or gone. At least once.
/// </summary>
/// <param name="Version">Of the activation.</param>
internal sealed record PurgePaths(string Site, long Version);

/// <param name="Zone">Of Cloudflare, where an admin allowed it.</param>
/// <param name="Urls">That have other bytes now, or none; <see langword="null"/> for whatever the CDN has of the host.</param>
/// <param name="Cause">Names the purge, whenever it is tried.</param>
internal sealed record SitePurge(
    string Site, SiteEnvironment Environment, string? Zone, int Release, IReadOnlyList<string>? Urls, (Guid SyncId, long Version) Cause, DateTimeOffset At);

/// <summary>A kind of CDN that can be told what to forget.</summary>
internal interface ICdnPurge
{
    bool Serves(SiteEnvironment environment);

    /// <exception cref="PurgeRefusedException">It said no, and may not later.</exception>
    Task PurgeAsync(SitePurge purge, CancellationToken cancellationToken);
}

/// <summary>The CDN did not take it; the next attempt may help.</summary>
internal sealed class PurgeRefusedException(string message) : Exception(message);

internal sealed class PurgePathsHandler(EventStore store, SiteObjects manifests, IEnumerable<ICdnPurge> cdns, TimeProvider clock) : IJob<PurgePaths>
{
    // A hundred requests to Cloudflare: more is as good as all.
    private const int MostUrls = 3000;

    internal static JobRetry Retry => WebhookSender.Retry;

    public async Task RunAsync(PurgePaths command, CancellationToken cancellationToken)
    {
        var site = (await store.FoldAsync<Site, ISiteEvent>(command.Site, cancellationToken)).State;
        var e = await store.ReadAsync($"{Site.Category}-{command.Site}", command.Version, cancellationToken).FirstAsync(cancellationToken);
        var activated = (ReleaseActivated)e.Payload;
        var environment = site.Environments[activated.Environment];
        var told = cdns.Where(cdn => cdn.Serves(environment)).ToArray();
        if (environment.PublicUrl is not { } url || told.Length == 0 || site.Releases.GetValueOrDefault(activated.Release) is not { } release)
        {
            return;
        }

        var changed = await ChangedAsync(command.Site, site, activated, cancellationToken);
        if (changed is [])
        {
            return;
        }

        var purge = new SitePurge(
            command.Site,
            environment,
            site.MayPurge(environment) ? environment.CloudflareZone : null,
            release.Number,
            changed?.Select(path => UrlOf(url, path)).ToArray(),
            (release.SyncId, command.Version),
            activated.At);
        foreach (var cdn in told)
        {
            await cdn.PurgeAsync(purge, cancellationToken);
        }

        await store.DecideAsync<Site, ISiteEvent>(
            command.Site, _ => [new PathsPurged(environment.Name, release.Number, changed?.Count, clock.GetUtcNow())], cancellationToken);
    }

    public async Task GaveUpAsync(PurgePaths command, Exception error, CancellationToken cancellationToken)
    {
        var e = await store.ReadAsync($"{Site.Category}-{command.Site}", command.Version, cancellationToken).FirstAsync(cancellationToken);
        var activated = (ReleaseActivated)e.Payload;
        var alert = new AlertRaised(
            activated.Environment, AlertRaised.PurgeFailed, $"Visitors may see files of an older release: {error.Message}", null, activated.Release, clock.GetUtcNow());
        await store.DecideAsync<Site, ISiteEvent>(command.Site, state => CheckPublicUrlHandler.Decide(state, alert), cancellationToken);
    }

    internal static string UrlOf(string publicUrl, string path) => publicUrl + string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    /// <returns>Paths, and folders for their pages; <see langword="null"/> for all.</returns>
    private async Task<IReadOnlyList<string>?> ChangedAsync(
        string siteName, Site site, ReleaseActivated activated, CancellationToken cancellationToken)
    {
        const string page = "index.html";
        if (activated.FormerRelease is not { } number)
        {
            return []; // nobody has seen anything yet
        }

        if (site.Releases.GetValueOrDefault(number) is not { } former)
        {
            return null;
        }

        var before = (await manifests.ReadAsync(siteName, former.ManifestHash, cancellationToken)).ByPath;
        var after = (await manifests.ReadAsync(siteName, activated.ManifestHash, cancellationToken)).ByPath;
        string[] changed = [.. before.Keys.Where(path => after.GetValueOrDefault(path)?.Sha256 != before[path].Sha256), .. after.Keys.Except(before.Keys)];
        string[] withFolders =
        [
            .. changed,
            .. changed.Where(path => path == page || path.EndsWith("/" + page, StringComparison.Ordinal)).Select(path => path[..^page.Length]),
        ];
        return withFolders.Length > MostUrls ? null : withFolders;
    }
}
