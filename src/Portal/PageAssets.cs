using System.Collections.Frozen;
using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Platform.Accounts;

namespace Portal;

/// <summary>
/// What pages load beside themselves: stylesheet, scripts and icon, out of this assembly. Each has its content's hash in its URL, so that browsers keep it for
/// ever and a new version is never mixed with an old one.
/// </summary>
public sealed class PageAssets
{
    private const string Folder = "assets/";
    private const string Immutable = "public, max-age=31536000, immutable";

    // Brotli's smallest size costs seconds; this one a few milliseconds an asset, once.
    private const int BrotliQuality = 9;
    private const int BrotliWindow = 22;

    private readonly FrozenDictionary<string, Asset> all = typeof(PageAssets).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
        .Select(Asset.Load)
        .ToFrozenDictionary(asset => asset.Name);

    /// <summary>Where a page finds an asset.</summary>
    public string this[string name] => $"/{Folder}{all[name].Hash}/{name}";

    internal static void Map(IEndpointRouteBuilder endpoints) => endpoints
        .MapGet($"/{Folder}{{hash}}/{{name}}", Get)
        .OpenToAll("stylesheet, scripts and icon are the same for everybody")
        .ExcludeFromDescription();

    private static IResult Get(string name, HttpContext http, PageAssets assets)
    {
        if (!assets.all.TryGetValue(name, out var asset))
        {
            return Results.NotFound();
        }

        http.Response.Headers.CacheControl = Immutable;
        http.Response.Headers.Vary = HeaderNames.AcceptEncoding;
        if (!http.Request.GetTypedHeaders().AcceptEncoding.Any(encoding => encoding.Value == "br" && encoding.Quality is not 0))
        {
            return Results.Bytes(asset.Bytes, asset.ContentType);
        }

        http.Response.Headers.ContentEncoding = "br";
        return Results.Bytes(asset.Brotli, asset.ContentType);
    }

    private sealed record Asset(string Name, string Hash, string ContentType, ReadOnlyMemory<byte> Bytes, ReadOnlyMemory<byte> Brotli)
    {
        internal static Asset Load(string resource)
        {
            using var stream = typeof(PageAssets).Assembly.GetManifestResourceStream(resource)!;
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            var brotli = new byte[BrotliEncoder.GetMaxCompressedLength(bytes.Length)];
            BrotliEncoder.TryCompress(bytes, brotli, out var length, BrotliQuality, BrotliWindow);
            var type = Path.GetExtension(resource) switch
            {
                ".css" => "text/css; charset=utf-8",
                ".js" => "text/javascript; charset=utf-8",
                ".svg" => "image/svg+xml",
                var other => throw new InvalidOperationException($"No content type is known for {other}."),
            };
            return new(resource[Folder.Length..], Convert.ToHexStringLower(SHA256.HashData(bytes))[..16], type, bytes, brotli.AsMemory(0, length));
        }
    }
}
