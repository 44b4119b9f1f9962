using Microsoft.AspNetCore.Http;
using Platform.Accounts;
using Platform.Events;

namespace Albums;

/// <summary>
/// Keeps callers whose credential is bound to some weddings to these: to their albums by id, and to their lists. Another wedding's album is
/// not found, whether there is one or not.
/// </summary>
internal sealed class AlbumDoor(EventStore store) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        if (http.User.IsBound())
        {
            if (Guid.TryParse(http.Request.RouteValues["id"] as string, out var id))
            {
                var album = (await store.FoldAsync<Album, IAlbumEvent>(id, http.RequestAborted)).State;
                if (!http.User.Reaches(album.Request?.WeddingId))
                {
                    throw new CommandRefusedException("ALBUM_NOT_FOUND", $"There is no album {id}.");
                }
            }
            else
            {
                http.User.MustReach(http.Request.Query["weddingId"]);
            }
        }

        return await next(context);
    }
}
