using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Http;

namespace Albums;

/// <summary>The same for many albums, which a filter finds.</summary>
/// <param name="Text">Part of a wedding's id, or an album's id.</param>
/// <param name="Statuses">Any of these; deleted ones are never among them.</param>
internal sealed record StartBulkAction(BulkKind Kind, string? Text, IReadOnlyList<AlbumStatus>? Statuses, DateTimeOffset? RequestedFrom);

internal static class BulkEndpoints
{
    /// <summary>
    /// <c>POST /v1/albums/bulk</c>: 202 with how many albums fit; <c>GET /v1/albums/bulk/{id}</c>; <c>POST /v1/albums/bulk/{id}/abort</c>: 200. The latter
    /// two: 404 <c>BULK_ACTION_NOT_FOUND</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder albums)
    {
        var bulk = albums.MapGroup("/bulk").RequireAllWeddings().RefuseMalformedIds("bulkId", "BULK_ACTION_NOT_FOUND");
        bulk.MapPost("/", async Task<Accepted<BulkView>> (StartBulkAction command, HttpContext http, IAlbums all, CancellationToken cancellationToken) =>
        {
            var search = new AlbumSearch(command.Text, command.Statuses, command.RequestedFrom);
            var view = await all.StartBulkAsync(command.Kind, search, http.User.NameOrAnonymous(), cancellationToken);
            return TypedResults.Accepted($"/v1/albums/bulk/{view.BulkId}", view);
        });
        bulk.MapGet("/{bulkId}", async Task<Ok<BulkView>> (Guid bulkId, IAlbums all, CancellationToken cancellationToken) =>
            TypedResults.Ok(await all.WatchBulkAsync(bulkId, cancellationToken).FirstAsync(cancellationToken)));
        bulk.MapPost("/{bulkId}/abort", async Task<Ok<BulkView>> (Guid bulkId, HttpContext http, IAlbums all, CancellationToken cancellationToken) =>
            TypedResults.Ok(await all.AbortBulkAsync(bulkId, http.User.NameOrAnonymous(), cancellationToken)));
    }
}
