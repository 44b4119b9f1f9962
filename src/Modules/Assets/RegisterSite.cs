using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Events;

namespace Assets;

/// <summary>Makes a site with the environments production, staging and development. Safe to repeat: a site that exists stays as it is.</summary>
internal sealed record RegisterSite(string? Name);

internal static partial class RegisterSiteHandler
{
    // A key of scope sites:read reads all sites.
    private const string Reserved = "read";

    /// <summary><c>POST /v1/sites</c>. 201; 400 <c>INVALID_SITE</c>.</summary>
    internal static void Map(RouteGroupBuilder sites) => sites.MapPost("/", PostAsync);

    internal static async Task<Created<SiteView>> PostAsync(
        RegisterSite command, EventStore store, TimeProvider clock, CancellationToken cancellationToken)
    {
        var name = command.Name is { } given && SiteName().IsMatch(given) && given != Reserved
            ? given
            : throw new CommandRefusedException(
                "INVALID_SITE", "A site is named by 1 to 40 lower-case letters, digits and hyphens, beginning with a letter; not read.");
        var site = await store.DecideAsync<Site, ISiteEvent>(name, site => Decide(site, name, clock.GetUtcNow()), cancellationToken);
        return TypedResults.Created($"/v1/sites/{name}", SiteView.Of(name, site.State));
    }

    internal static IReadOnlyList<ISiteEvent> Decide(Site site, string name, DateTimeOffset now) => site.Registration is null
        ? [new SiteRegistered(name, [.. Site.EnvironmentNames.Select(environment => new SiteEnvironment(environment))], now)]
        : [];

    [GeneratedRegex("^[a-z][a-z0-9-]{0,39}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex SiteName();
}
