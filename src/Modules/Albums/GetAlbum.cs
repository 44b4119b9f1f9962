using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Events;

namespace Albums;

/// <summary>The present state of one album, never behind what was acknowledged.</summary>
internal static class GetAlbum
{
    /// <summary><c>GET /v1/albums/{id}</c>. 200, or 404 <c>ALBUM_NOT_FOUND</c>.</summary>
    internal static void Map(RouteGroupBuilder albums) => albums.MapGet("/{id}", GetAsync);

    private static async Task<Ok<AlbumView>> GetAsync(Guid id, EventStore store, TimeProvider clock, CancellationToken cancellationToken)
    {
        var album = await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken);
        return TypedResults.Ok(AlbumView.Of(id, album.State.OrNotFound(id), clock.GetUtcNow()));
    }
}
