using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Platform.Accounts;
using Weddings.Contracts;

namespace Portal;

/// <summary>What the pages of couples, and of those they share with, ask for beside themselves. Each request looks at the credential anew.</summary>
internal static class CoupleEndpoints
{
    private const string WhyOpen = "its address holds the credential";

    /// <summary>
    /// Under <c>/w/{token}</c>, <c>/s/{token}</c> and <c>/couple</c>: <c>GET …/progress</c>: server-sent events; <c>GET …/download?volume=</c>: leads to the ZIP;
    /// and <see cref="PhotoEndpoints"/>. 404 where the credential is dead.
    /// </summary>
    internal static void Map(IEndpointRouteBuilder endpoints)
    {
        Map(endpoints.MapGroup("/w/{token}").OpenToAll(WhyOpen), http => Visit.ByLinkAsync(WeddingsOf(http), TokenOf(http), http.RequestAborted));
        Map(endpoints.MapGroup("/s/{token}").OpenToAll(WhyOpen), http => Visit.ByShareAsync(WeddingsOf(http), TokenOf(http), http));
        Map(endpoints.MapGroup("/couple").RequireAuthorization(Policies.Couple), http => Visit.BySessionAsync(WeddingsOf(http), http));
    }

    private static void Map(RouteGroupBuilder pages, Func<HttpContext, Task<Visit?>> visitOf)
    {
        pages.ExcludeFromDescription();
        pages.MapGet("/progress", async (HttpContext http, IAlbums albums, IHostApplicationLifetime host) =>
            await AlbumOfAsync(http, albums, visitOf) is var (_, album) ? Progress(album, albums, host, http) : TypedResults.NotFound());
        pages.MapGet("/download", async (HttpContext http, IAlbums albums, int volume = 1) =>
            await AlbumOfAsync(http, albums, visitOf) is var (visit, album)
                ? TypedResults.LocalRedirect($"~{await albums.IssueLinkAsync(album.AlbumId, visit.By, http.RequestAborted)}?volume={volume}")
                : Results.NotFound());
        PhotoEndpoints.Map(pages, visitOf);
    }

    private static IWeddings WeddingsOf(HttpContext http) => http.RequestServices.GetRequiredService<IWeddings>();

    private static string TokenOf(HttpContext http) => (string)http.Request.RouteValues["token"]!;

    private static async Task<(Visit Visit, AlbumView Album)?> AlbumOfAsync(HttpContext http, IAlbums albums, Func<HttpContext, Task<Visit?>> visitOf) =>
        await visitOf(http) is { } visit && await albums.FindOfWeddingAsync(visit.WeddingId, http.RequestAborted) is { } album ? (visit, album) : null;

    private static IResult Progress(AlbumView album, IAlbums albums, IHostApplicationLifetime host, HttpContext http)
    {
        http.Response.Headers["X-Accel-Buffering"] = "no"; // nginx would hold events back until they fill a buffer
        return TypedResults.ServerSentEvents(FollowAsync(albums, album.AlbumId, host.ApplicationStopping, http.RequestAborted));
    }

    private static async IAsyncEnumerable<SseItem<AlbumView>> FollowAsync(
        IAlbums albums, Guid albumId, CancellationToken stopping, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancellationToken);
        await using var details = albums.WatchAsync(albumId, either.Token).GetAsyncEnumerator(either.Token);
        while (await NextAsync(details))
        {
            yield return new SseItem<AlbumView>(details.Current.View, "progress");
        }
    }

    // The browser asks again, wherever the product goes on: a stop does not wait for it.
    private static async Task<bool> NextAsync(IAsyncEnumerator<AlbumDetail> details)
    {
        try
        {
            return await details.MoveNextAsync();
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
