using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;

namespace Assets;

/// <summary>
/// Says for which hosts, in which zones of Cloudflare, a site's environments may have caches purged by the product's token. For admins: whoever
/// brings a site could otherwise empty the cache of any other. Takes the place of what was said before. Safe to repeat.
/// </summary>
internal sealed record AllowCdnHosts(IReadOnlyList<CdnHost> Hosts);

/// <param name="Host">Of public URLs, such as <c>music.example.com</c>.</param>
/// <param name="Zone">Cloudflare's id of the zone that it is in.</param>
internal sealed record CdnHost(string Host, string Zone);

internal static partial class AllowCdnHostsHandler
{
    private const int MostHosts = 50;

    /// <summary><c>PUT /v1/sites/{site}/cdn-hosts</c>, admins only. 200; 400 <c>INVALID_CDN_HOST</c>; 404 <c>SITE_NOT_FOUND</c>.</summary>
    internal static void Map(RouteGroupBuilder sites) => sites.MapPut("/{site}/cdn-hosts", PutAsync).RequireAdmin();

    internal static bool IsZone(string zone) => Zone().IsMatch(zone);

    internal static IReadOnlyList<ISiteEvent> Decide(Site site, string name, AllowCdnHosts command, DateTimeOffset now)
    {
        site.MustExist(name);
        return command.Hosts.Count > MostHosts || !command.Hosts.All(IsValid)
            ? throw new CommandRefusedException(
                "INVALID_CDN_HOST", $"At most {MostHosts} hosts, each a name such as music.example.com with the id of its zone, 32 hex digits.")
            : site.CdnHosts.SequenceEqual(command.Hosts) ? [] : [new CdnHostsAllowed(command.Hosts, now)];
    }

    private static async Task<Ok<SiteView>> PutAsync(
        string site, AllowCdnHosts command, EventStore store, TimeProvider clock, CancellationToken cancellationToken)
    {
        var allowed = await store.DecideAsync<Site, ISiteEvent>(site, state => Decide(state, site, command, clock.GetUtcNow()), cancellationToken);
        return TypedResults.Ok(SiteView.Of(site, allowed.State));
    }

    private static bool IsValid(CdnHost? given) =>
        given is { Host: { } host, Zone: { } zone } && Host().IsMatch(host) && Uri.CheckHostName(host) == UriHostNameType.Dns && IsZone(zone);

    // As Uri.Host says it: lower case, international names in Punycode.
    [GeneratedRegex("^[a-z0-9.-]{1,253}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex Host();

    [GeneratedRegex("^[0-9a-f]{32}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex Zone();
}
