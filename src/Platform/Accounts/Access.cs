using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Platform.Events;

namespace Platform.Accounts;

/// <summary>Says why an endpoint is open to everybody. Every endpoint has this or a policy: a test sees to it.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class OpenToAllAttribute(string reason) : Attribute, IAllowAnonymous
{
    public string Reason { get; } = reason;
}

/// <summary>Decisions about who may come to an endpoint.</summary>
public static class EndpointAccess
{
    /// <summary>For callers with this scope, for admins, and for viewers who read.</summary>
    /// <param name="scope">One of <see cref="Scopes"/>.</param>
    /// <param name="alwaysChanges">Whatever the method says, it may change something.</param>
    /// <param name="of">Route value that names a part of the scope: who has <c>{scope}:{value}</c> only may come to that part.</param>
    public static TBuilder RequireScope<TBuilder>(this TBuilder endpoints, string scope, bool alwaysChanges = false, string? of = null)
        where TBuilder : IEndpointConventionBuilder =>
        endpoints.Require(new ApiRequirement(scope) { AlwaysChanges = alwaysChanges, Of = of });

    /// <summary>Not for those whose credential is bound to some weddings: it shows or touches more than that.</summary>
    public static TBuilder RequireAllWeddings<TBuilder>(this TBuilder endpoints)
        where TBuilder : IEndpointConventionBuilder =>
        endpoints.Require(new ApiRequirement(Scope: null) { AllWeddings = true });

    /// <summary>For admins who signed in, and nobody else, however open the API is.</summary>
    public static TBuilder RequireAdmin<TBuilder>(this TBuilder endpoints)
        where TBuilder : IEndpointConventionBuilder =>
        endpoints.Require(new ApiRequirement(Scope: null) { Admins = true });

    public static TBuilder OpenToAll<TBuilder>(this TBuilder endpoints, string reason)
        where TBuilder : IEndpointConventionBuilder =>
        endpoints.WithMetadata(new OpenToAllAttribute(reason));

    private static TBuilder Require<TBuilder>(this TBuilder endpoints, ApiRequirement requirement)
        where TBuilder : IEndpointConventionBuilder =>
        endpoints.RequireAuthorization(new AuthorizationPolicy([requirement], []));
}

/// <summary>What a command asks about its caller.</summary>
public static class CallerClaims
{
    /// <summary>What to call the caller in histories.</summary>
    public static string NameOrAnonymous(this ClaimsPrincipal user) => user.Identity?.Name ?? "anonymous";

    /// <summary>Whether the caller reaches some weddings only.</summary>
    public static bool IsBound(this ClaimsPrincipal user) => user.HasClaim(claim => claim.Type == AccountClaims.Wedding);

    /// <summary>Whether the caller reaches what belongs to a wedding, or to none.</summary>
    public static bool Reaches(this ClaimsPrincipal user, string? weddingId) =>
        !user.IsBound() || (weddingId is not null && user.HasClaim(AccountClaims.Wedding, weddingId));

    /// <exception cref="CommandRefusedException"><c>FORBIDDEN</c>.</exception>
    public static void MustReach(this ClaimsPrincipal user, string? weddingId)
    {
        if (!user.Reaches(weddingId))
        {
            throw new CommandRefusedException("FORBIDDEN", "Your link or token is for another wedding. Name its own as weddingId.");
        }
    }

    /// <summary>Who uploads for itself does so under its own id.</summary>
    /// <exception cref="CommandRefusedException"><c>FORBIDDEN</c>.</exception>
    public static void MustBe(this ClaimsPrincipal user, string? userId)
    {
        if (user.FindFirst(AccountClaims.UploadsAs) is { Value: var own } && own != userId)
        {
            throw new CommandRefusedException("FORBIDDEN", "Upload as yourself: userId is the sub of your token.");
        }
    }
}
