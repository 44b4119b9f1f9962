using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;
using Weddings.Contracts;

namespace Weddings;

/// <summary>
/// Tokens of guests' and couples' links: <c>{weddingId}.{secret}</c>, so that the stream which says whether one holds is found without a
/// table that may lag behind. A caller sends one as <c>Authorization: Bearer</c>.
/// </summary>
internal sealed class WeddingLinks(EventStore store, TimeProvider clock) : ITokenVerifier
{
    /// <summary>
    /// <c>POST /v1/weddings/{id}/links</c>: 201 with the link, or 400 <c>INVALID_LINK</c>; <c>DELETE /v1/weddings/{id}/links/{linkId}</c>: 204. 404
    /// <c>WEDDING_NOT_FOUND</c>, <c>LINK_NOT_FOUND</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder weddings)
    {
        weddings.MapPost("/{id}/links", PostAsync).RequireAllWeddings();
        weddings.MapDelete("/{id}/links/{linkId}", DeleteAsync).RequireAllWeddings();
    }

    internal static (string Token, string Hash) New(string weddingId)
    {
        var token = $"{weddingId}.{Secret.New()}";
        return (token, Secret.HashOf(token));
    }

    /// <returns>The link and its wedding, while both are there and the link works.</returns>
    internal async Task<(LinkIssued Link, Wedding Wedding)?> FindAsync(string token, CancellationToken cancellationToken)
    {
        var dot = token.IndexOf('.', StringComparison.Ordinal);
        if (dot is < 1 or > 64 || dot != token.LastIndexOf('.'))
        {
            return null;
        }

        var wedding = (await store.FoldAsync<Wedding, IWeddingEvent>(token[..dot], cancellationToken)).State;
        return wedding.Find(Secret.HashOf(token), clock.GetUtcNow()) is { } link ? (link, wedding) : null;
    }

    public async Task<ClaimsIdentity?> VerifyAsync(string token, CancellationToken cancellationToken) =>
        await FindAsync(token, cancellationToken) is var (link, wedding) && link.Kind is not LinkKind.Share ? IdentityOf(link, wedding) : null;

    private static ClaimsIdentity IdentityOf(LinkIssued link, Wedding wedding) => new(
        [
            new(AccountClaims.Id, link.LinkId.ToString()),
            new(AccountClaims.Name, $"{link.Kind.ToString().ToLowerInvariant()} of {wedding.Registered!.WeddingId}"),
            new(AccountClaims.Wedding, wedding.Registered.WeddingId),
            .. ScopesOf(link.Kind).Select(scope => new Claim(AccountClaims.Scope, scope)),
        ],
        AccountSchemes.Bearer,
        AccountClaims.Name,
        AccountClaims.Role);

    internal static string[] ScopesOf(LinkKind kind) =>
        kind is LinkKind.Guest ? [Scopes.Uploads] : [$"{Scopes.Albums}:read", $"{Scopes.Weddings}:read"];

    private static async Task<Created<NewLink>> PostAsync(
        string id, IssueLink command, ClaimsPrincipal user, IWeddings weddings, CancellationToken cancellationToken)
    {
        var link = await weddings.IssueLinkAsync(id, command, user.NameOrAnonymous(), cancellationToken);
        return TypedResults.Created(link.Url, link);
    }

    private static async Task<NoContent> DeleteAsync(
        string id, Guid linkId, ClaimsPrincipal user, IWeddings weddings, CancellationToken cancellationToken)
    {
        await weddings.RevokeLinkAsync(id, linkId, user.NameOrAnonymous(), cancellationToken);
        return TypedResults.NoContent();
    }
}
