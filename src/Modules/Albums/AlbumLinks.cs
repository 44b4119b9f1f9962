using System.Collections.Immutable;
using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;

namespace Albums;

// Stream album_link-{id of the album}: beside the album's own, which belongs to the worker that packs. These shapes are the storage
// format: add members, never rename or remove one.

internal interface IAlbumLinkEvent;

/// <param name="TokenHash">SHA-256 of what the link ends with. The token itself is kept nowhere.</param>
/// <param name="For">Who asked: <c>mail</c>, or a caller's name.</param>
internal sealed record DownloadLinkIssued(string TokenHash, string For) : IAlbumLinkEvent;

/// <summary>All links issued so far are dead.</summary>
internal sealed record DownloadLinksRevoked(string By) : IAlbumLinkEvent;

/// <summary>Links that download an album without any other credential: those in mails, and those that somebody asks for.</summary>
internal sealed record AlbumLinks : IState<AlbumLinks, IAlbumLinkEvent>
{
    public static string Category => "album_link";

    public static AlbumLinks Initial { get; } = new();

    private ImmutableHashSet<string> Hashes { get; init; } = [];

    public static AlbumLinks Evolve(AlbumLinks state, IAlbumLinkEvent e) => e switch
    {
        DownloadLinkIssued link => state with { Hashes = state.Hashes.Add(link.TokenHash) },
        DownloadLinksRevoked => state with { Hashes = [] },
        _ => state,
    };

    internal static IReadOnlyList<IAlbumLinkEvent> Decide(AlbumLinks links, DownloadLinksRevoked revoked) => links.Hashes.IsEmpty ? [] : [revoked];

    /// <summary>
    /// <c>POST /v1/albums/{id}/links</c>: 201 with a link to hand on; <c>DELETE /v1/albums/{id}/links</c>: 204, and none that was issued works
    /// any more, those in mails included. 404 <c>ALBUM_NOT_FOUND</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder albums)
    {
        albums.MapPost("/{id}/links", PostAsync);
        albums.MapDelete("/{id}/links", DeleteAsync);
    }

    /// <returns>The token of a new link.</returns>
    internal static async Task<string> IssueAsync(EventStore store, Guid albumId, string @for, CancellationToken cancellationToken)
    {
        var token = Secret.New();
        var issued = new DownloadLinkIssued(Secret.HashOf(token), @for);
        await store.DecideAsync<AlbumLinks, IAlbumLinkEvent>(albumId, _ => [issued], cancellationToken);
        return token;
    }

    /// <exception cref="CommandRefusedException"><c>ALBUM_NOT_FOUND</c>: the link is dead, or never was one.</exception>
    internal static async Task DemandAsync(EventStore store, Guid albumId, string token, CancellationToken cancellationToken)
    {
        var links = (await store.FoldAsync<AlbumLinks, IAlbumLinkEvent>(albumId, cancellationToken)).State;
        if (!links.Hashes.Contains(Secret.HashOf(token)))
        {
            throw new CommandRefusedException("ALBUM_NOT_FOUND", "The link does not work any more. Ask for a new one.");
        }
    }

    private static async Task<Created<Link>> PostAsync(
        Guid id, ClaimsPrincipal user, EventStore store, AlbumOptions options, CancellationToken cancellationToken)
    {
        (await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken)).State.OrGone(id);
        var url = options.DownloadUrlOf(id, await IssueAsync(store, id, user.NameOrAnonymous(), cancellationToken));
        return TypedResults.Created(url, new Link(url));
    }

    private static async Task<NoContent> DeleteAsync(Guid id, ClaimsPrincipal user, EventStore store, CancellationToken cancellationToken)
    {
        (await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken)).State.OrNotFound(id);
        var revoked = new DownloadLinksRevoked(user.NameOrAnonymous());
        await store.DecideAsync<AlbumLinks, IAlbumLinkEvent>(id, links => Decide(links, revoked), cancellationToken);
        return TypedResults.NoContent();
    }

    private sealed record Link(string Url);
}
