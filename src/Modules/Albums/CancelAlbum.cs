using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;

namespace Albums;

/// <summary>
/// Ends an album that is not complete, and the replay of one that was: that is then complete as before. Its worker stops at its next event.
/// Safe to repeat.
/// </summary>
internal sealed record CancelAlbum(Guid AlbumId, string By);

internal static class CancelAlbumHandler
{
    /// <summary><c>POST /v1/albums/{id}/cancel</c>. 204, 404 <c>ALBUM_NOT_FOUND</c>, 409 <c>ALBUM_COMPLETED</c>, or 410 <c>ALBUM_GONE</c>.</summary>
    internal static void Map(RouteGroupBuilder albums) => albums.MapPost("/{id}/cancel", PostAsync);

    private static async Task<NoContent> PostAsync(
        Guid id, HttpContext http, EventStore store, TimeProvider clock, CancellationToken cancellationToken)
    {
        var command = new CancelAlbum(id, http.User.NameOrAnonymous());
        await store.DecideAsync<Album, IAlbumEvent>(id, album => Decide(album, command, clock.GetUtcNow()), cancellationToken);
        return TypedResults.NoContent();
    }

    internal static IReadOnlyList<IAlbumEvent> Decide(Album album, CancelAlbum command, DateTimeOffset now) =>
        album.OrGone(command.AlbumId).Status switch
        {
            AlbumStatus.Cancelled => [],
            AlbumStatus.Completed => throw new CommandRefusedException("ALBUM_COMPLETED", "The album is complete: there is nothing to cancel."),
            _ when album.Standing is not null => [new ReplayEnded("CANCELLED", command.By, now)],
            _ => [new AlbumCancelled(command.By, now)],
        };
}
