using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Platform;
using Platform.Http;
using Platform.Webhooks;

namespace Assets;

/// <summary>Settings <c>Assets__Cloudflare__Token</c>, one that may purge the cache of the zones named, and <c>__Url</c>, that of Cloudflare's API.</summary>
internal sealed record CloudflareOptions(Uri Url, string? Token)
{
    /// <exception cref="StartupException"/>
    public static CloudflareOptions Read(IConfiguration configuration)
    {
        var setting = configuration["Assets:Cloudflare:Url"] ?? "https://api.cloudflare.com/client/v4/";
        return Uri.TryCreate(setting.TrimEnd('/') + "/", UriKind.Absolute, out var url)
            ? new CloudflareOptions(url, configuration["Assets:Cloudflare:Token"])
            : throw new StartupException($"Assets__Cloudflare__Url is {setting}, which is no URL.");
    }
}

/// <summary>https://developers.cloudflare.com/api/resources/cache/methods/purge/</summary>
internal sealed class CloudflarePurge(CloudflareOptions options, OutboundHttp http) : ICdnPurge
{
    // Of every plan.
    private const int UrlsPerRequest = 30;

    public bool Serves(SiteEnvironment environment) => environment.CloudflareZone is not null;

    public async Task PurgeAsync(SitePurge purge, CancellationToken cancellationToken)
    {
        foreach (var urls in purge.Urls?.Chunk(UrlsPerRequest) ?? [])
        {
            await SendAsync(purge, new { files = urls }, cancellationToken);
        }

        if (purge.Urls is null)
        {
            // Other sites may be in the same zone.
            await SendAsync(purge, new { hosts = new[] { new Uri(purge.Environment.PublicUrl!).IdnHost } }, cancellationToken);
        }
    }

    private async Task SendAsync<T>(SitePurge purge, T body, CancellationToken cancellationToken)
    {
        var zone = purge.Zone ?? throw new PurgeRefusedException("no admin allows that host in that zone of Cloudflare any more.");
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(options.Url, $"zones/{zone}/purge_cache"))
        {
            Content = JsonContent.Create(body),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue(
            "Bearer", options.Token ?? throw new PurgeRefusedException("Assets__Cloudflare__Token is not set."));
        using var answer = await http.SendAsync(request, onlyTo: null, cancellationToken);

        // A refusal comes as 200, too.
        if (!answer.IsSuccessStatusCode || !await IsSuccessAsync(answer, cancellationToken))
        {
            throw new PurgeRefusedException($"Cloudflare refused to purge (status {(int)answer.StatusCode}).");
        }
    }

    private static async Task<bool> IsSuccessAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        try
        {
            return (await answer.Content.ReadFromJsonAsync<Result>(cancellationToken))?.Success == true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private sealed record Result(bool Success);
}

/// <summary>For any other CDN: a server of the site's own is told <c>site.activated</c>, signed and again until it takes it.</summary>
internal sealed class WebhookPurge(WebhookSender webhooks) : ICdnPurge
{
    public bool Serves(SiteEnvironment environment) => environment.PurgeWebhookUrl is not null;

    public Task PurgeAsync(SitePurge purge, CancellationToken cancellationToken) => webhooks.DeliverAsync(
        $"{Site.Category}-{purge.Site}",
        _ => Task.FromResult<WebhookMessage?>(new WebhookMessage(
            WebhookMessage.IdOf(purge.Cause.SyncId, purge.Cause.Version),
            "site.activated",
            new Uri(purge.Environment.PurgeWebhookUrl!),
            purge.At,
            new ActivatedSite(purge.Site, purge.Environment.Name, purge.Release, purge.Urls))),
        cancellationToken);
}

/// <param name="ChangedUrls"><see langword="null"/> where all may have changed.</param>
internal sealed record ActivatedSite(string Site, string Environment, int Release, IReadOnlyList<string>? ChangedUrls);
