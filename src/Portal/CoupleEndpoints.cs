using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Platform.Accounts;
using Weddings.Contracts;

namespace Portal;

/// <summary>What the couple's page asks for beside itself. The address holds the credential, which is looked at anew each time.</summary>
internal static class CoupleEndpoints
{
    private const string WhyOpen = "its address holds the credential";

    /// <summary><c>GET /w/{token}/progress</c>: server-sent events; <c>GET /w/{token}/download?volume=</c>: leads to the ZIP. 404 where the link is dead.</summary>
    internal static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/w/{token}/progress", ProgressAsync).OpenToAll(WhyOpen).ExcludeFromDescription();
        endpoints.MapGet("/w/{token}/download", DownloadAsync).OpenToAll(WhyOpen).ExcludeFromDescription();
    }

    private static async Task<IResult> ProgressAsync(
        string token, IWeddings weddings, IAlbums albums, IHostApplicationLifetime host, HttpResponse response, CancellationToken cancellationToken)
    {
        if (await FindAsync(token, weddings, albums, cancellationToken) is not { } album)
        {
            return TypedResults.NotFound();
        }

        response.Headers["X-Accel-Buffering"] = "no"; // nginx would hold events back until they fill a buffer
        return TypedResults.ServerSentEvents(FollowAsync(albums, album.AlbumId, host.ApplicationStopping, cancellationToken));
    }

    private static async Task<IResult> DownloadAsync(
        string token, IWeddings weddings, IAlbums albums, CancellationToken cancellationToken, int volume = 1) =>
        await FindAsync(token, weddings, albums, cancellationToken) is { } album
            ? TypedResults.LocalRedirect($"~{await albums.IssueLinkAsync(album.AlbumId, "the couple's page", cancellationToken)}?volume={volume}")
            : TypedResults.NotFound();

    private static async Task<AlbumView?> FindAsync(string token, IWeddings weddings, IAlbums albums, CancellationToken cancellationToken) =>
        await weddings.OpenAsync(token, cancellationToken) is { Kind: LinkKind.Couple } link
            ? await albums.FindOfWeddingAsync(link.Wedding.WeddingId, cancellationToken)
            : null;

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
