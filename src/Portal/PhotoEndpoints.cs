using Albums.Contracts;
using Gallery.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace Portal;

/// <summary>The photos of a visit: thumbnails, and what is done with those that were chosen.</summary>
internal static class PhotoEndpoints
{
    // A browser may keep a thumbnail, a cache between us must not: others have no right to it. It never changes.
    private const string CacheControl = "private, max-age=31536000, immutable";

    private const int MostChosen = 20_000;

    /// <summary>
    /// <c>GET …/photos/{id}/thumbnail</c>; <c>POST …/photos</c>, a form with the chosen photos and an action, leads back to the page or to a ZIP of them.
    /// </summary>
    internal static void Map(RouteGroupBuilder pages, Func<HttpContext, Task<Visit?>> visitOf)
    {
        pages.MapGet("/photos/{photoId:guid}/thumbnail", async (Guid photoId, HttpContext http, IGallery gallery) =>
            await visitOf(http) is { } visit ? await ThumbnailAsync(visit, photoId, http, gallery) : TypedResults.NotFound());
        pages.MapPost("/photos", async (IFormCollection form, HttpContext http, IGallery gallery, IAlbums albums) =>
                await visitOf(http) is { } visit ? await PostAsync(visit, form, gallery, albums, http.RequestAborted) : TypedResults.NotFound())
            .WithFormOptions(valueCountLimit: MostChosen);
    }

    private static async Task<IResult> ThumbnailAsync(Visit visit, Guid photoId, HttpContext http, IGallery gallery)
    {
        if (await gallery.ThumbnailAsync(visit.WeddingId, photoId, includeHidden: visit.IsCouple, http.RequestAborted) is not { } thumbnail)
        {
            return TypedResults.NotFound();
        }

        http.Response.Headers.CacheControl = CacheControl;
        http.Response.ContentLength = thumbnail.SizeBytes;
        return TypedResults.Stream(thumbnail.Body, thumbnail.ContentType, entityTag: new EntityTagHeaderValue($"\"{thumbnail.ETag}\""));
    }

    private static async Task<IResult> PostAsync(Visit visit, IFormCollection form, IGallery gallery, IAlbums albums, CancellationToken cancellationToken)
    {
        Guid[] chosen = [.. form["photo"].Select(value => Guid.TryParse(value, out var id) ? id : Guid.Empty).Where(id => id != Guid.Empty)];
        switch (form["action"].ToString())
        {
            case "download" when chosen.Length > 0:
                return await DownloadAsync(visit, chosen, gallery, albums, cancellationToken);
            case "download-favourites" when visit.IsCouple:
                return await DownloadAsync(visit, [], gallery, albums, cancellationToken);
            case "favourite" or "unfavourite" or "hide" or "unhide" when !visit.IsCouple:
                return TypedResults.NotFound();
            case "favourite" or "unfavourite" or "hide" or "unhide":
                await gallery.MarkAsync(visit.WeddingId, MarkOf(form["action"].ToString(), chosen), visit.By, cancellationToken);
                break;
        }

        var show = Enum.TryParse<PhotoFilter>(form["show"], ignoreCase: true, out var filter) ? filter : PhotoFilter.Shown;
        return BackTo(visit, show);
    }

    private static MarkPhotos MarkOf(string action, IReadOnlyList<Guid> chosen) => new(
        chosen,
        action is "hide" or "unhide" ? PhotoMark.Hidden : PhotoMark.Favourite,
        IsSet: action is "hide" or "favourite");

    private static async Task<IResult> DownloadAsync(
        Visit visit, IReadOnlyCollection<Guid> chosen, IGallery gallery, IAlbums albums, CancellationToken cancellationToken)
    {
        var keys = await gallery.KeysAsync(visit.WeddingId, chosen, includeHidden: visit.IsCouple, cancellationToken);
        if (keys.Count == 0)
        {
            return BackTo(visit, PhotoFilter.Shown);
        }

        var album = await albums.RequestSelectionAsync(visit.WeddingId, keys, cancellationToken);
        return TypedResults.LocalRedirect($"~{await albums.IssueLinkAsync(album, visit.By, cancellationToken)}");
    }

    private static RedirectHttpResult BackTo(Visit visit, PhotoFilter show) =>
        TypedResults.LocalRedirect($"~{visit.Path}?show={show.ToString().ToLowerInvariant()}#photos");
}
