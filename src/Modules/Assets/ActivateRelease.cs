using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Events;

namespace Assets;

/// <summary>
/// Lets an environment serve a release that is kept: an older one, which is a rollback, or one that was made for another environment. Nothing
/// is sent. Safe to repeat.
/// </summary>
internal sealed record ActivateRelease(string? Environment);

internal static class ActivateReleaseHandler
{
    /// <summary>
    /// <c>POST /v1/sites/{site}/releases/{n}/activate</c>. 200; 404 <c>SITE_NOT_FOUND</c>, <c>ENVIRONMENT_NOT_FOUND</c>,
    /// <c>RELEASE_NOT_FOUND</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder sites) => sites.MapPost("/{site}/releases/{number:int}/activate", PostAsync);

    internal static async Task<Ok<SiteView>> PostAsync(
        string site, int number, ActivateRelease command, EventStore store, TimeProvider clock, CancellationToken cancellationToken)
    {
        var activated = await store.DecideAsync<Site, ISiteEvent>(
            site, state => Decide(state, site, number, command, clock.GetUtcNow()), cancellationToken);
        return TypedResults.Ok(SiteView.Of(site, activated.State));
    }

    internal static IReadOnlyList<ISiteEvent> Decide(Site site, string name, int number, ActivateRelease command, DateTimeOffset now)
    {
        var environment = site.EnvironmentOf(name, command.Environment).Name;
        var release = site.ReleaseOf(number);
        var isThere = site.PublicationsOf(environment).LastOrDefault() is { } underWay
            ? underWay.Release == number && now - underWay.At < PublishReleaseHandler.Patience
            : site.Active.GetValueOrDefault(environment)?.Release == number;
        return isThere ? [] : [site.SwitchTo(number, environment, release.ManifestHash, now)];
    }
}
