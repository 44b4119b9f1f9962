using Albums.Contracts;
using Albums.Zip;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;

namespace Albums;

/// <summary>
/// Does without a file that is not packed yet, such as one that fails its album again and again; a failed album goes on without it. The worker plans
/// anew from the first part that holds it, and <c>_MISSING.txt</c> names it. A replay of the complete album takes it in again. Safe to repeat.
/// </summary>
/// <param name="Index">Counts the files asked for, from 0.</param>
internal sealed record SkipFile(Guid AlbumId, int Index, string By);

internal sealed class SkipFileHandler(EventStore store, AlbumFiles files, TimeProvider clock)
{
    /// <summary>
    /// <c>POST /v1/albums/{id}/files/{index}/skip</c>. 204, 404 <c>ALBUM_NOT_FOUND</c> or <c>FILE_NOT_FOUND</c>, 409 <c>ALBUM_NOT_READY</c>,
    /// <c>FILE_PACKED</c>, <c>ALBUM_COMPLETED</c> or <c>ALBUM_CANCELLED</c>, or 410 <c>ALBUM_GONE</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder albums) => albums.MapPost("/{id}/files/{index:int}/skip", PostAsync);

    private static async Task<NoContent> PostAsync(
        Guid id, int index, HttpContext http, SkipFileHandler handler, CancellationToken cancellationToken)
    {
        await handler.RunAsync(new SkipFile(id, index, http.User.NameOrAnonymous()), cancellationToken);
        return TypedResults.NoContent();
    }

    internal async Task RunAsync(SkipFile command, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(command.AlbumId, cancellationToken)).State;
        var entries = album is { Plan: { } plan, LeavesNothing: false } ? await files.EntriesAsync(plan, cancellationToken) : [];
        await store.DecideAsync<Album, IAlbumEvent>(
            command.AlbumId, current => Decide(current, entries, command, clock.GetUtcNow()), cancellationToken);
    }

    /// <param name="entries">Of the album's plan; where another one came meanwhile, the worker looks again.</param>
    internal static IReadOnlyList<IAlbumEvent> Decide(Album album, IReadOnlyList<PlannedEntry> entries, SkipFile command, DateTimeOffset now)
    {
        var status = album.OrGone(command.AlbumId).Status;
        (string Code, string Message)? refusal = status switch
        {
            AlbumStatus.Completed => ("ALBUM_COMPLETED", "The album is complete. Request another one without the file."),
            AlbumStatus.Cancelled => ("ALBUM_CANCELLED", "The album was cancelled. Request a new one."),
            _ when album.Plan is null => ("ALBUM_NOT_READY", "Nobody has looked yet which files the album has. Try again in a moment."),
            _ when album.LeavesOut(command.Index) => null,
            _ when command.Index < 0 || !entries.Any(entry => entry.Index == command.Index) =>
                ("FILE_NOT_FOUND", $"The album has no file {command.Index}."),
            _ when entries.Take(album.FilesZipped).Any(entry => entry.Index == command.Index) =>
                ("FILE_PACKED", "The file is in the ZIP already. Request another album without it."),
            _ => null,
        };
        if (refusal is var (code, message))
        {
            throw new CommandRefusedException(code, message);
        }

        IAlbumEvent[] skip = album.LeavesOut(command.Index) ? [] : [new FileSkipRequested(command.Index, command.By, now)];
        return status is AlbumStatus.Failed ? [.. skip, new AlbumReplayed(command.By, now)] : skip;
    }
}
