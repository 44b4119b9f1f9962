using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;

namespace Albums;

/// <summary>
/// Takes an album away, whatever it is at: its ZIP, plans and parts leave the store, and links to it end. The files it was made of stay.
/// Safe to repeat.
/// </summary>
internal sealed record DeleteAlbum(Guid AlbumId, string By);

internal static class DeleteAlbumHandler
{
    /// <summary><c>DELETE /v1/albums/{id}</c>. 204, or 404 <c>ALBUM_NOT_FOUND</c>.</summary>
    internal static void Map(RouteGroupBuilder albums) => albums.MapDelete("/{id}", DeleteAsync);

    private static async Task<NoContent> DeleteAsync(
        Guid id, HttpContext http, EventStore store, TimeProvider clock, CancellationToken cancellationToken)
    {
        var command = new DeleteAlbum(id, http.User.NameOrAnonymous());
        await store.DecideAsync<Album, IAlbumEvent>(id, album => Decide(album, command, clock.GetUtcNow()), cancellationToken);
        return TypedResults.NoContent();
    }

    internal static IReadOnlyList<IAlbumEvent> Decide(Album album, DeleteAlbum command, DateTimeOffset now)
    {
        if (album.Status is AlbumStatus.Deleted)
        {
            return [];
        }

        album.OrNotFound(command.AlbumId);
        return [new AlbumDeleted(command.By, now)];
    }
}
