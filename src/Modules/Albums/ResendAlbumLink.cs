using System.Security.Claims;
using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;

namespace Albums;

/// <summary>Mails the link of a complete album once more, to everybody whom its request named.</summary>
internal sealed record ResendAlbumLink(Guid AlbumId, string By);

internal static class ResendAlbumLinkHandler
{
    /// <summary><c>POST /v1/albums/{id}/mail</c>. 202, 404 <c>ALBUM_NOT_FOUND</c>, 409 <c>ALBUM_NOT_READY</c>, or 410 <c>ALBUM_GONE</c>.</summary>
    internal static void Map(RouteGroupBuilder albums) => albums.MapPost("/{id}/mail", PostAsync);

    private static async Task<StatusCodeHttpResult> PostAsync(
        Guid id, ClaimsPrincipal user, EventStore store, TimeProvider clock, CancellationToken cancellationToken)
    {
        var command = new ResendAlbumLink(id, user.NameOrAnonymous());
        await store.DecideAsync<Album, IAlbumEvent>(id, album => Decide(album, command, clock.GetUtcNow()), cancellationToken);
        return TypedResults.StatusCode(StatusCodes.Status202Accepted);
    }

    /// <summary>Nothing where a mail is still on its way.</summary>
    internal static IReadOnlyList<IAlbumEvent> Decide(Album album, ResendAlbumLink command, DateTimeOffset now)
    {
        if (album.OrGone(command.AlbumId).Status is not AlbumStatus.Completed)
        {
            throw new CommandRefusedException("ALBUM_NOT_READY", "The album is not complete: there is no link to send yet.");
        }

        return album.LinksSent.IsEmpty && album.MailsFailed.IsEmpty ? [] : [new LinkRequested(command.By, now)];
    }
}
