using System.Text.RegularExpressions;
using Assets.Images;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Events;
using Platform.Http;
using Platform.Images;
using Platform.Webhooks;

namespace Assets;

/// <summary>How the files of an environment are served. Takes the place of all that was said before. Safe to repeat.</summary>
/// <param name="CacheRules">The first whose pattern matches a path says its <c>Cache-Control</c>.</param>
/// <param name="PublishPaths">Whether the files are also copied to <c>sites/{site}/public/{environment}/</c> under the paths they have in the build.</param>
/// <param name="PublicUrl">Where visitors find the site; asked for after each activation. So are the next three as in <see cref="SiteEnvironment"/>.</param>
/// <param name="Prefix">Under which later syncs keep its objects, apart from those of other environments. Releases stay where they are.</param>
/// <param name="ImageRules">What the command line makes of pictures before it sends them; <see langword="null"/> or none for nothing.</param>
internal sealed record ConfigureEnvironment(
    IReadOnlyList<CacheRule> CacheRules,
    bool PublishPaths = false,
    IReadOnlyList<SiteImageRule>? ImageRules = null,
    string? PublicUrl = null,
    string? CloudflareZone = null,
    string? PurgeWebhookUrl = null,
    AlertThresholds? AlertThresholds = null,
    string? Prefix = null);

/// <param name="Glob">Of paths, as in <see cref="Assets.Glob"/>.</param>
internal sealed record CacheRule(string Glob, string CacheControl);

internal static partial class ConfigureEnvironmentHandler
{
    private const int MostRules = 50;
    private const int MostGlobChars = 200;
    private const int MostUrlChars = 500;

    /// <summary>
    /// <c>PUT /v1/sites/{site}/environments/{environment}</c>. 200; 400 <c>INVALID_CACHE_RULE</c>, <c>INVALID_IMAGE_RULE</c>,
    /// <c>INVALID_ENVIRONMENT</c>, <c>INVALID_WEBHOOK_URL</c>, <c>WEBHOOKS_DISABLED</c>; 403 <c>CDN_HOST_NOT_ALLOWED</c>; 404 <c>SITE_NOT_FOUND</c>, <c>ENVIRONMENT_NOT_FOUND</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder sites) => sites.MapPut("/{site}/environments/{environment}", PutAsync);

    internal static async Task<Ok<SiteView>> PutAsync(
        string site, string environment, ConfigureEnvironment command, EventStore store, WebhookSender webhooks, OutboundHttp http, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (command.PurgeWebhookUrl is { } url)
        {
            webhooks.Demand(url);
        }

        // It is asked for after each activation, so it must be one that may be.
        if (PublicUrlOf(command) is { } publicUrl && !http.Accepts(new Uri(publicUrl)))
        {
            throw NoPublicUrl();
        }

        var configured = await store.DecideAsync<Site, ISiteEvent>(
            site, state => Decide(state, site, environment, command, clock.GetUtcNow()), cancellationToken);
        return TypedResults.Ok(SiteView.Of(site, configured.State));
    }

    internal static IReadOnlyList<ISiteEvent> Decide(
        Site site, string name, string environment, ConfigureEnvironment command, DateTimeOffset now)
    {
        var present = site.EnvironmentOf(name, environment);
        if (command.CacheRules.Count > MostRules || !command.CacheRules.All(IsValid))
        {
            throw new CommandRefusedException(
                "INVALID_CACHE_RULE", $"At most {MostRules} rules, each with a pattern such as images/** and a value such as public, max-age=3600.");
        }

        var imageRules = command.ImageRules ?? [];
        if (imageRules.Count > SiteImageRule.MostRules || !imageRules.All(rule => rule is not null && rule.IsValid()))
        {
            throw new CommandRefusedException(
                "INVALID_IMAGE_RULE",
                $"At most {SiteImageRule.MostRules} rules, each with a pattern, up to {ImageRule.MostWidths} widths, and a quality from 1 to 100 for at least one of jpeg, webp and avif.");
        }

        var configured = new SiteEnvironment(
            present.Name, command.CacheRules, command.PublishPaths, command.ImageRules, PublicUrlOf(command), command.CloudflareZone, command.PurgeWebhookUrl, command.AlertThresholds, command.Prefix);
        if (configured.Prefix is { } prefix && !Prefix().IsMatch(prefix))
        {
            throw new CommandRefusedException("INVALID_ENVIRONMENT", "A prefix has 1 to 40 lower-case letters, digits and hyphens.");
        }

        if (configured.CloudflareZone is { } zone && !AllowCdnHostsHandler.IsZone(zone))
        {
            throw new CommandRefusedException("INVALID_ENVIRONMENT", "A zone of Cloudflare has an id of 32 hex digits.");
        }

        if (!site.MayPurge(configured))
        {
            throw new CommandRefusedException(
                "CDN_HOST_NOT_ALLOWED", "The host of the public URL may not be purged in that zone. An admin allows it, at /admin/sites.");
        }

        if (!configured.Alerts.IsValid())
        {
            throw new CommandRefusedException("INVALID_ENVIRONMENT", "Thresholds are a percentage, and up to 30 seconds.");
        }

        if (configured with { CacheRules = null, ImageRules = null } == present with { CacheRules = null, ImageRules = null }
            && (present.ImageRules ?? []).SequenceEqual(imageRules)
            && (present.CacheRules ?? []).SequenceEqual(command.CacheRules))
        {
            return [];
        }

        // What is public already gets its new headers, too.
        var served = site.Active.GetValueOrDefault(environment);
        return served is null || !configured.PublishesPaths
            ? [new EnvironmentConfigured(configured, now)]
            : [new EnvironmentConfigured(configured, now), new PublicationStarted(served.Release, configured, served.ManifestHash, now)];
    }

    private static string? PublicUrlOf(ConfigureEnvironment command) =>
        command.PublicUrl is not { } given ? null
        : given.Length <= MostUrlChars && Uri.TryCreate(given.TrimEnd('/') + "/", UriKind.Absolute, out var url)
            && url is { Scheme: "https" or "http", UserInfo: "", Query: "", Fragment: "" } ? url.AbsoluteUri
        : throw NoPublicUrl();

    private static CommandRefusedException NoPublicUrl() =>
        new("INVALID_ENVIRONMENT", "A public URL is one such as https://music.example.com, of the public internet, without a user or a query.");

    private static bool IsValid(CacheRule? rule) =>
        rule is { Glob.Length: > 0 and <= MostGlobChars } && !rule.Glob.Any(char.IsControl) && CacheControl().IsMatch(rule.CacheControl ?? "");

    // One segment of a key, below what is the site's: whatever it is, it reaches nothing of anybody else.
    [GeneratedRegex("^[a-z0-9-]{1,40}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex Prefix();

    // RFC 9111 §5.2: tokens, and numbers of seconds.
    [GeneratedRegex("^[a-zA-Z0-9=, -]{1,200}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex CacheControl();
}
