using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Http;
using Platform.Events;

namespace Platform.Accounts;

/// <summary>Callers of the API are told by a problem document what they lack. Everybody else is sent to the page where they sign in.</summary>
internal sealed class ApiRefusals : IAuthorizationMiddlewareResultHandler
{
    private readonly AuthorizationMiddlewareResultHandler others = new();

    public Task HandleAsync(RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
    {
        if (authorizeResult.Succeeded || !policy.Requirements.OfType<ApiRequirement>().Any())
        {
            return others.HandleAsync(next, context, policy, authorizeResult);
        }

        if (authorizeResult.Forbidden)
        {
            throw new CommandRefusedException("FORBIDDEN", "Your credential does not cover this.");
        }

        // RFC 9110 §11.6.1. The answer's other headers are not made yet.
        context.Response.OnStarting(() =>
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            return Task.CompletedTask;
        });
        throw new CommandRefusedException("UNAUTHORIZED", "Send an API key or a token that is valid: Authorization: Bearer …");
    }
}
