using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Platform.Events;

namespace Albums;

/// <summary>Follows an album as it is made: an event <c>progress</c> with an <see cref="AlbumView"/> after each change, until it is final.</summary>
internal static class AlbumProgress
{
    // Faster than anybody reads, slow enough that a fast store does not flood a phone.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);

    // Proxies close connections that stay silent for a minute or less.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    /// <summary><c>GET /v1/albums/{id}/progress</c>, <c>text/event-stream</c>. 404 <c>ALBUM_NOT_FOUND</c>.</summary>
    internal static void Map(RouteGroupBuilder albums) => albums.MapGet("/{id:guid}/progress", GetAsync);

    private static async Task<ServerSentEventsResult<AlbumView>> GetAsync(
        Guid id, EventStore store, TimeProvider clock, IHostApplicationLifetime host, CancellationToken cancellationToken)
    {
        var album = await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken);
        album.State.OrNotFound(id);
        return TypedResults.ServerSentEvents(FollowAsync(id, album, store, clock, host.ApplicationStopping, cancellationToken));
    }

    private static async IAsyncEnumerable<SseItem<AlbumView>> FollowAsync(
        Guid id,
        Folded<Album> album,
        EventStore store,
        TimeProvider clock,
        CancellationToken stopping,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancellationToken);
        while (true)
        {
            var view = AlbumView.Of(id, album.State);
            yield return new SseItem<AlbumView>(view, "progress");
            if (view.IsFinal)
            {
                yield break;
            }

            try
            {
                await Task.Delay(ShortestPause, clock, either.Token);
                await store.WaitForEventAsync($"{Album.Category}-{id}", album.Version, LongestPause, either.Token);
                album = await store.FoldAsync<Album, IAlbumEvent>(id, either.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                yield break; // the client asks again, wherever the album goes on; a stop does not wait for it
            }
        }
    }
}
