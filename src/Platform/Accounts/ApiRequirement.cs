using System.Security.Claims;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Platform.Accounts;

/// <summary>What a caller of <c>/v1</c> must have.</summary>
/// <param name="Scope">One of <see cref="Scopes"/>; <see langword="null"/>: any credential will do.</param>
internal sealed record ApiRequirement(string? Scope) : IAuthorizationRequirement
{
    /// <summary>Counts as a change whatever the method: the real one may stand in a header.</summary>
    public bool AlwaysChanges { get; init; }

    /// <summary>Route value that names a part of the scope.</summary>
    public string? Of { get; init; }

    /// <summary>Not for those who reach some weddings only.</summary>
    public bool AllWeddings { get; init; }

    /// <summary>Only for admins who signed in.</summary>
    public bool Admins { get; init; }
}

/// <summary>
/// Admins may do everything and viewers look; keys and tokens open their scopes; nobody's call is let in where the API is open. What a
/// cookie vouches for must come from our own pages: changes need the antiforgery token.
/// </summary>
internal sealed class ApiRequirementHandler(ApiAccess access) : AuthorizationHandler<ApiRequirement>
{
    protected override async Task HandleRequirementAsync(AuthorizationHandlerContext context, ApiRequirement requirement)
    {
        if (context.Resource is HttpContext http && await IsMetAsync(http, context.User, requirement))
        {
            context.Succeed(requirement);
        }
    }

    private async Task<bool> IsMetAsync(HttpContext http, ClaimsPrincipal user, ApiRequirement requirement)
    {
        if (user.Identity is not { IsAuthenticated: true } identity)
        {
            return !requirement.Admins && access.Admits(http.Request);
        }

        var reads = !requirement.AlwaysChanges && (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method));
        if (user.IsInRole(AccountRoles.Admin) || user.IsInRole(AccountRoles.Viewer))
        {
            return (reads || user.IsInRole(AccountRoles.Admin)) && (reads || await IsFromOurPagesAsync(http));
        }

        return !requirement.Admins
            && !(requirement.AllWeddings && user.IsBound())
            && (requirement.Scope is null
                || user.HasClaim(AccountClaims.Scope, requirement.Scope)
                || (requirement.Of is { } of && user.HasClaim(AccountClaims.Scope, $"{requirement.Scope}:{http.Request.RouteValues[of]}"))
                || (reads && user.HasClaim(AccountClaims.Scope, $"{requirement.Scope}:read")))
            && (reads || identity.AuthenticationType != AccountSchemes.Couple || await IsFromOurPagesAsync(http));
    }

    // By header only: looking for the token in a form would read a body that may be a file.
    private static async Task<bool> IsFromOurPagesAsync(HttpContext http) =>
        http.Request.Headers.ContainsKey(Antiforgery.Header)
        && await http.RequestServices.GetRequiredService<IAntiforgery>().IsRequestValidAsync(http);
}

/// <summary>Names of the framework's antiforgery.</summary>
public static class Antiforgery
{
    /// <summary>Carries the token of a request that a script makes with a cookie.</summary>
    public const string Header = "X-CSRF-TOKEN";
}
