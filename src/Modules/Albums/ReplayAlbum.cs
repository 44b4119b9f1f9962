using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;

namespace Albums;

/// <summary>
/// Starts a failed album again where it stopped, and packs a complete one anew if files are missing in it: only those are looked at again, and
/// the ZIP that stands can be had until the next one is complete. Safe to repeat: an album that waits, runs or lacks nothing stays as it is.
/// </summary>
internal sealed record ReplayAlbum(Guid AlbumId, string By);

internal static class ReplayAlbumHandler
{
    /// <summary><c>POST /v1/albums/{id}/replay</c>. 204, 404 <c>ALBUM_NOT_FOUND</c>, 409 <c>ALBUM_CANCELLED</c>, or 410 <c>ALBUM_GONE</c>.</summary>
    internal static void Map(RouteGroupBuilder albums) => albums.MapPost("/{id}/replay", PostAsync);

    private static async Task<NoContent> PostAsync(
        Guid id, HttpContext http, EventStore store, TimeProvider clock, CancellationToken cancellationToken)
    {
        var command = new ReplayAlbum(id, http.User.NameOrAnonymous());
        await store.DecideAsync<Album, IAlbumEvent>(id, album => Decide(album, command, clock.GetUtcNow()), cancellationToken);
        return TypedResults.NoContent();
    }

    internal static IReadOnlyList<IAlbumEvent> Decide(Album album, ReplayAlbum command, DateTimeOffset now) =>
        album.OrGone(command.AlbumId).Status switch
        {
            AlbumStatus.Failed => [new AlbumReplayed(command.By, now)],
            AlbumStatus.Completed when album.Skipped.Count > 0 => [new AlbumReplayed(command.By, now)],
            AlbumStatus.Cancelled => throw new CommandRefusedException("ALBUM_CANCELLED", "The album was cancelled. Request a new one."),
            _ => [],
        };
}
