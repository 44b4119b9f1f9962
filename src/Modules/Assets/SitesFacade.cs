using Assets.Contracts;
using Npgsql;
using Platform.Events;

namespace Assets;

/// <summary>The module's border for the portal.</summary>
internal sealed class SitesFacade(NpgsqlDataSource database, EventStore store, TimeProvider clock) : ISites
{
    public async Task<IReadOnlyList<SiteListed>> ListAsync(CancellationToken cancellationToken)
    {
        var sites = new List<SiteListed>();
        foreach (var name in await GetSite.NamesAsync(database, cancellationToken))
        {
            sites.Add(Of(name, (await store.FoldAsync<Site, ISiteEvent>(name, cancellationToken)).State));
        }

        return sites;
    }

    public Task ActivateAsync(string site, int release, string environment, CancellationToken cancellationToken) => store.DecideAsync<Site, ISiteEvent>(
        site, state => ActivateReleaseHandler.Decide(state, site, release, new ActivateRelease(environment), clock.GetUtcNow()), cancellationToken);

    public Task AllowCdnHostsAsync(string site, IReadOnlyList<CdnHostListed> hosts, CancellationToken cancellationToken) => store.DecideAsync<Site, ISiteEvent>(
        site,
        state => AllowCdnHostsHandler.Decide(
            state, site, new AllowCdnHosts([.. hosts.Select(allowed => new CdnHost(allowed.Host, allowed.Zone))]), clock.GetUtcNow()),
        cancellationToken);

    private static SiteListed Of(string name, Site site) => new(
        name,
        [.. site.Environments.Keys.Where(site.Active.ContainsKey).Select(environment =>
            new EnvironmentListed(environment, site.Active[environment].Release, ServeSite.PublicPath(name, environment)))],
        [.. site.Releases.Values.Reverse().Select(release =>
            new ReleaseListed(release.Number, release.Files, release.SizeBytes, release.CreatedAt))],
        [.. site.Runs.Reverse().Select(run => new RunListed(
            run.Environment, run.Release, run.Seconds, run.UploadedObjects, run.UploadedBytes, run.FailedUploads, run.Cost?.OperationsUsd, run.Failure, run.At))],
        [.. site.Alerts.Reverse().Select(alert => new SiteAlertListed(alert.Environment, alert.Kind, alert.Detail, alert.At))],
        [.. site.CdnHosts.Select(allowed => new CdnHostListed(allowed.Host, allowed.Zone))]);
}
