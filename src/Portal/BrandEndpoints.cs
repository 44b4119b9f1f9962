using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Http;
using Platform.Languages;
using Weddings.Contracts;

namespace Portal;

/// <summary>What makes pages of a wedding look like its own.</summary>
internal static partial class BrandEndpoints
{
    // A mail has its styles in its elements, and may show a logo of others. It is shown in a frame of our page, and can do nothing.
    private const string MailPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox; img-src https:";

    internal static string StyleOf(string color) => $"/brand/{color.TrimStart('#').ToLowerInvariant()}.css";

    /// <summary><c>GET /brand/{colour}.css</c>; <c>GET /admin/weddings/{id}/mail?studio=&amp;color=&amp;language=</c>: a mail as it would look.</summary>
    internal static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/brand/{file}", GetStyle).OpenToAll("a colour is no secret").ExcludeFromDescription();
        endpoints.MapGet("/admin/weddings/{id}/mail", GetMailAsync).RequireAuthorization(Policies.Viewer).ExcludeFromDescription();
    }

    private static IResult GetStyle(string file, HttpResponse response)
    {
        if (!StyleFile().IsMatch(file))
        {
            return TypedResults.NotFound();
        }

        response.Headers.CacheControl = "public, max-age=86400"; // another version may mix other shades
        return TypedResults.Text(Palette.Css(file[..6]), "text/css");
    }

    private static async Task<IResult> GetMailAsync(
        string id,
        string? studio,
        string? color,
        string? language,
        IWeddings weddings,
        PublicUrl publicUrl,
        HttpContext http,
        CancellationToken cancellationToken)
    {
        if (await weddings.FindAsync(id, cancellationToken) is not { } wedding)
        {
            return TypedResults.NotFound();
        }

        // The one who looks may have come by another address than those who get the mail.
        var here = $"{http.Request.Scheme}://{http.Request.Host}";
        var wanted = wedding.Branding with
        {
            LogoUrl = wedding.Branding.LogoUrl?.Replace(publicUrl.Url.GetLeftPart(UriPartial.Authority), here, StringComparison.Ordinal),
            Studio = string.IsNullOrWhiteSpace(studio) ? null : studio,
            Color = color is not null && StyleFile().IsMatch($"{color.TrimStart('#').ToLowerInvariant()}.css") ? color : null,
            Language = language is not null && Language.All.ContainsKey(language) ? language : null,
        };
        http.Response.Headers.ContentSecurityPolicy = $"{MailPolicy} {here}";
        http.Response.Headers.XFrameOptions = "SAMEORIGIN";
        return TypedResults.Text(await weddings.PreviewMailAsync(id, wanted, cancellationToken), "text/html; charset=utf-8");
    }

    [GeneratedRegex(@"^[0-9a-f]{6}\.css\z", RegexOptions.NonBacktracking)]
    private static partial Regex StyleFile();
}
