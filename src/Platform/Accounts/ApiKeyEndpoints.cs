using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Http;

namespace Platform.Accounts;

/// <summary>API keys for scripts of an admin's own; the portal shows the same.</summary>
internal static class ApiKeyEndpoints
{
    /// <summary>
    /// <c>POST /v1/api-keys</c>: 201 with the key, or 400 <c>INVALID_API_KEY</c>; <c>GET /v1/api-keys</c>; <c>DELETE /v1/api-keys/{id}</c>: 204, or
    /// 404 <c>API_KEY_NOT_FOUND</c>. Admins only.
    /// </summary>
    internal static void Map(IEndpointRouteBuilder endpoints)
    {
        var keys = endpoints.MapGroup("/v1/api-keys").WithTags("API keys").RequireAdmin().RefuseMalformedIds("id", "API_KEY_NOT_FOUND");
        keys.MapPost("/", PostAsync);
        keys.MapGet("/", async (ApiKeys store, CancellationToken cancellationToken) =>
            TypedResults.Ok(new Page(await store.ListAsync(cancellationToken))));
        keys.MapDelete("/{id}", DeleteAsync);
    }

    private static async Task<Created<NewApiKey>> PostAsync(
        CreateApiKey command, ApiKeys store, ClaimsPrincipal user, CancellationToken cancellationToken)
    {
        var key = await store.CreateAsync(command.Name ?? "", command.Scopes ?? [], user.NameOrAnonymous(), command.ExpiresAt, cancellationToken);
        return TypedResults.Created($"/v1/api-keys/{key.Id}", key);
    }

    private static async Task<NoContent> DeleteAsync(Guid id, ApiKeys store, ClaimsPrincipal user, CancellationToken cancellationToken)
    {
        await store.RevokeAsync(id, user.NameOrAnonymous(), cancellationToken);
        return TypedResults.NoContent();
    }

    private sealed record CreateApiKey(string? Name, IReadOnlyList<string>? Scopes, DateTimeOffset? ExpiresAt);

    private sealed record Page(IReadOnlyList<ApiKey> ApiKeys);
}
