using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Http;
using Weddings.Contracts;

namespace Portal;

/// <summary>How visitors with a share link give its password.</summary>
internal static class ShareEndpoints
{
    internal const string Cookie = "weddings-share";

    internal static string PathOf(string token) => $"/s/{token}";

    /// <summary><c>POST /s/{token}/unlock</c>, a form: leads back to the page, with a cookie for this link where the password was right.</summary>
    internal static void Map(IEndpointRouteBuilder endpoints) => endpoints.MapPost("/s/{token}/unlock", UnlockAsync)
        .OpenToAll("its address holds one half of the credential, and the form the other")
        .RequireRateLimiting(RateLimits.SignIn)
        .ExcludeFromDescription();

    private static async Task<RedirectHttpResult> UnlockAsync(
        string token, IFormCollection form, IWeddings weddings, PublicUrl publicUrl, HttpContext http, CancellationToken cancellationToken)
    {
        var attempt = await weddings.UnlockAsync(token, form["password"].ToString(), cancellationToken);
        if (attempt.Ticket is not { } ticket)
        {
            return TypedResults.LocalRedirect($"~{PathOf(token)}?{(attempt.HasToWait ? "wait" : "wrong")}=1");
        }

        http.Response.Cookies.Append(Cookie, ticket, new CookieOptions
        {
            Path = PathOf(token),
            HttpOnly = true,
            IsEssential = true,
            SameSite = SameSiteMode.Lax,
            Secure = publicUrl.Url.Scheme == Uri.UriSchemeHttps, // a proxy may speak TLS for us
        });
        return TypedResults.LocalRedirect($"~{PathOf(token)}");
    }
}
