using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Platform.Events;

namespace Albums;

/// <summary>Follows an album as it is made: an event <c>progress</c> with an <see cref="AlbumView"/> after each change, until it is final.</summary>
/// <remarks>
/// A browser's <c>EventSource</c> comes back whenever an answer ends, with the id of the last event it saw. Where that was final and still
/// holds it gets 204, which ends it for good (HTML, server-sent events, §9.2.3).
/// </remarks>
internal static class AlbumProgress
{
    // Faster than anybody reads, slow enough that a fast store does not flood a phone.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);

    // Proxies close connections that stay silent for a minute or less.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    // A node that is redeployed has another beside it, or is back after some seconds.
    private static readonly TimeSpan Reconnect = TimeSpan.FromSeconds(2);

    /// <summary>
    /// <c>GET /v1/albums/{id}/progress</c>, <c>text/event-stream</c>; 204 where <c>Last-Event-ID</c> says that there is nothing more to see.
    /// 404 <c>ALBUM_NOT_FOUND</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder albums) => albums.MapGet("/{id}/progress", GetAsync);

    private static async Task<Results<ServerSentEventsResult<AlbumView>, NoContent>> GetAsync(
        Guid id,
        [FromHeader(Name = "Last-Event-ID")] string? lastEventId,
        HttpResponse response,
        EventStore store,
        TimeProvider clock,
        IHostApplicationLifetime host,
        CancellationToken cancellationToken)
    {
        var album = await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken);
        if (AlbumView.Of(id, album.State.OrNotFound(id), clock.GetUtcNow()) is { IsFinal: true } view && lastEventId == EventIdOf(view, album.Version))
        {
            return TypedResults.NoContent();
        }

        response.Headers["X-Accel-Buffering"] = "no"; // nginx would hold events back until they fill a buffer
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
            var view = AlbumView.Of(id, album.State, clock.GetUtcNow());
            yield return new SseItem<AlbumView>(view, "progress") { EventId = EventIdOf(view, album.Version), ReconnectionInterval = Reconnect };
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

    // A stream moves on after its album is final: links are sent, work is metered. None of that is progress.
    private static string EventIdOf(AlbumView view, long version) =>
        view.IsFinal ? string.Create(CultureInfo.InvariantCulture, $"{view.Status}-{view.Attempt}") : version.ToString(CultureInfo.InvariantCulture);
}
