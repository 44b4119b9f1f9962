using Albums.Contracts;
using Albums.Sources;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;

namespace Albums;

/// <summary>
/// The first API's request for an album, which existing frontends send. An event has one album at a time: while it is made, and once it is
/// complete of the same files, asking again changes nothing; a failed one of the same files goes on; else a new one is made.
/// </summary>
internal sealed record ProcessWedding(string? EventId, IReadOnlyList<AlbumFile?>? Files);

/// <param name="Status"><c>queued</c>, <c>processing</c>, <c>completed</c>, <c>failed</c>, <c>cancelled</c> or <c>expired</c>.</param>
/// <param name="Progress">In percent of the bytes; 100 exactly where the album is complete.</param>
/// <param name="DownloadUrl">Absolute.</param>
internal sealed record WeddingStatus(
    string EventId,
    Guid AlbumId,
    string Status,
    int Progress,
    Tally<int> Files,
    double? SecondsLeft,
    string? DownloadUrl,
    WeddingError? Error);

internal sealed record WeddingError(string Code, string Message);

internal static class ProcessWeddingHandler
{
    /// <summary>
    /// <c>POST /process-wedding</c>: 202 with the status; refusals as of <see cref="RequestAlbumHandler"/>.
    /// <c>GET /wedding/{eventId}/status</c>: 200, or 404 <c>ALBUM_NOT_FOUND</c> where the event was never processed.
    /// </summary>
    internal static void Map(IEndpointRouteBuilder routes)
    {
        var first = routes.MapGroup("").WithTags("First API").RequireScope(Scopes.Albums).RequireAllWeddings();
        first.MapPost("/process-wedding", PostAsync).WithMetadata(new RequestSizeLimitAttribute(RequestAlbumHandler.MostRequestBytes));
        first.MapGet("/wedding/{eventId}/status", GetAsync);
    }

    private static async Task<Accepted<WeddingStatus>> PostAsync(
        ProcessWedding command,
        HttpContext http,
        EventStore store,
        UrlSource urls,
        AlbumOptions options,
        TimeProvider clock,
        CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var requested = RequestAlbumHandler.Checked(new RequestAlbum(command.EventId, command.Files ?? [], Prefix: null, Notify: null), urls, now);
        var (albumId, album) = await AlbumOrder.PlaceAsync(
            store, requested.WeddingId, requested, present => Stands(present, requested), cancellationToken);
        if (album.Status is AlbumStatus.Failed)
        {
            var replay = new ReplayAlbum(albumId, http.User.NameOrAnonymous());
            var replayed = await store.DecideAsync<Album, IAlbumEvent>(
                albumId, state => ReplayAlbumHandler.Decide(state, replay, now), cancellationToken);
            album = replayed.State;
        }

        return TypedResults.Accepted($"/wedding/{requested.WeddingId}/status", StatusOf(requested.WeddingId, AlbumView.Of(albumId, album, now), options));
    }

    private static async Task<Ok<WeddingStatus>> GetAsync(
        string eventId, EventStore store, AlbumOptions options, TimeProvider clock, CancellationToken cancellationToken)
    {
        var order = await store.FoldAsync<AlbumOrder, AlbumOrdered>(eventId, cancellationToken);
        var albumId = order.State.AlbumId ?? throw new CommandRefusedException("ALBUM_NOT_FOUND", $"Event {eventId} was not processed yet.");
        var album = await store.FoldAsync<Album, IAlbumEvent>(albumId, cancellationToken);
        return TypedResults.Ok(StatusOf(eventId, AlbumView.Of(albumId, album.State.OrNotFound(albumId), clock.GetUtcNow()), options));
    }

    internal static bool Stands(Album present, AlbumRequested requested) =>
        present.IsWaitingForWork
        || (present.Status is AlbumStatus.Completed or AlbumStatus.Failed && present.Request!.Files.SequenceEqual(requested.Files));

    private static WeddingStatus StatusOf(string eventId, AlbumView album, AlbumOptions options) => new(
        eventId,
        album.AlbumId,
        album.Status switch
        {
            AlbumStatus.Requested => "queued",
            AlbumStatus.Planning or AlbumStatus.Zipping => "processing",
            var final => final.ToString().ToLowerInvariant(),
        },
        album.Status is AlbumStatus.Completed ? 100 : (int)Math.Min(99, 100 * album.Bytes.Done / Math.Max(1, album.Bytes.Total)),
        album.Files,
        album.SecondsLeft,
        album.DownloadUrl is { } path ? new Uri(options.Url, path.TrimStart('/')).ToString() : null,
        album.Failure is { } failure ? new WeddingError(failure.Reason, failure.Detail) : null);
}
