using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Platform.Accounts;
using Platform.Events;
using Platform.Http;
using Platform.Storage;

namespace Assets;

/// <summary>
/// Serves sites from this process: the files of the release that an environment serves, and objects by their content. For a folder, which
/// nobody else serves; in front of a bucket it is the same without a CDN.
/// </summary>
internal sealed class ServeSite(EventStore store, IObjectStorage storage, SiteObjects manifests, CacheRules rules)
{
    // A site's scripts must not reach what else this origin serves: sandboxed, a page has an origin of its own.
    private const string Sandbox = "sandbox allow-scripts allow-forms allow-popups allow-downloads";

    /// <summary>
    /// <c>GET|HEAD /sites/{site}/{environment}/{path}</c> with conditions and <c>Range</c>; a path that ends with a slash is its <c>index.html</c>.
    /// <c>/sites/{site}/objects/{name}</c> and <c>/sites/{site}/prefixes/{prefix}/objects/{name}</c>: an object, for ever. 404 for what is not there.
    /// </summary>
    internal static void Map(IEndpointRouteBuilder routes)
    {
        var sites = routes.MapGroup("/sites/{site}").ExcludeFromDescription().OpenToAll("a site is there for everybody: its release is what is published");
        sites.MapMethods("/objects/{name}", ["GET", "HEAD"], (string site, string name, ServeSite serve, HttpContext http) =>
            serve.ServeObjectAsync(site, name, http));
        sites.MapMethods("/prefixes/{prefix}/objects/{name}", ["GET", "HEAD"], (string site, string prefix, string name, ServeSite serve, HttpContext http) =>
            serve.ServeObjectAsync(SiteObjects.AreaOf(site, prefix), name, http));
        sites.MapMethods("/{environment}/{**path}", ["GET", "HEAD"], (string site, string environment, string? path, ServeSite serve, HttpContext http) =>
            serve.ServeFileAsync(site, environment, path ?? "", http));
    }

    internal static string PublicPath(string site, string environment) => $"/sites/{site}/{environment}/";

    internal static string ObjectPath(string area, string name) => $"/{SiteObjects.ObjectKey(area, name)}";

    private async Task ServeFileAsync(string site, string environment, string path, HttpContext http)
    {
        var state = (await store.FoldAsync<Site, ISiteEvent>(site, http.RequestAborted)).State;
        var active = state.Active.GetValueOrDefault(environment);
        if (active is null)
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        var files = (await manifests.ReadAsync(site, active.ManifestHash, http.RequestAborted)).ByPath;
        if (files.TryGetValue(path.Length == 0 || path.EndsWith('/') ? $"{path}index.html" : path, out var file))
        {
            await SendAsync(SiteObjects.AreaOf(site, state.ReleaseOf(active.Release).Prefix), file, rules.Of(state.Environments[environment], file.Path), http);
        }
        else if (files.ContainsKey($"{path}/index.html"))
        {
            // Relative links of the page would lead elsewhere without the slash.
            http.Response.Redirect($"{http.Request.PathBase}{http.Request.Path}/{http.Request.QueryString}");
        }
        else
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
        }
    }

    // Whoever knows the SHA-256 of bytes has had them.
    private async Task ServeObjectAsync(string area, string name, HttpContext http)
    {
        var sha256 = Path.GetFileNameWithoutExtension(name);
        if (await storage.HeadAsync(SiteObjects.ObjectKey(area, name), http.RequestAborted) is { } stored)
        {
            var extension = AssetPath.ExtensionOf(name);
            await SendAsync(area, new AssetFile(name, sha256, stored.SizeBytes, FileTypes.Of(extension)), CacheRules.ForEver, http);
        }
        else
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
        }
    }

    private async Task SendAsync(string area, AssetFile file, string cacheControl, HttpContext http)
    {
        var etag = new EntityTagHeaderValue($"\"{file.Sha256}\"");
        var asked = ConditionalRange.Of(http.Request.GetTypedHeaders(), etag, file.SizeBytes);
        var response = http.Response;
        response.StatusCode = asked.StatusCode;
        response.Headers.AcceptRanges = "bytes";
        response.Headers.ContentSecurityPolicy = Sandbox;
        response.Headers.CacheControl = cacheControl;
        response.GetTypedHeaders().ETag = etag;
        if (asked.StatusCode is not (StatusCodes.Status200OK or StatusCodes.Status206PartialContent))
        {
            return;
        }

        response.ContentType = file.ContentType;
        response.ContentLength = asked.Bytes.SizeBytes;
        if (asked.StatusCode == StatusCodes.Status206PartialContent)
        {
            response.GetTypedHeaders().ContentRange = new ContentRangeHeaderValue(asked.Bytes.OffsetBytes, asked.Bytes.EndBytes - 1, file.SizeBytes);
        }

        if (HttpMethods.IsGet(http.Request.Method) && asked.Bytes.SizeBytes > 0)
        {
            await using var body = await storage.ReadAsync(SiteObjects.ObjectKey(area, file.ObjectName), asked.Bytes, null, http.RequestAborted);
            await body.CopyToAsync(response.Body, http.RequestAborted);
        }
    }
}
