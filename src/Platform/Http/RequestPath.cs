using Microsoft.AspNetCore.Http;

namespace Platform.Http;

/// <summary>A request's path as logs, traces and answers may show it: without the token of a link.</summary>
internal static class RequestPath
{
    /// <summary>The name of every route value that is a secret.</summary>
    private const string Token = "token";

    internal static PathString Of(HttpContext context) => context.Request.RouteValues[Token] is string { Length: > 0 } token
        ? new PathString(context.Request.Path.Value!.Replace(token, "…", StringComparison.Ordinal))
        : context.Request.Path;
}
