using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Events;
using Platform.Storage;

namespace Uploads;

/// <summary>Gives an upload up and frees its space. Safe to repeat.</summary>
internal static class AbortUploadHandler
{
    /// <summary><c>DELETE /v1/uploads/{id}</c>. 204, or 409 where it is complete or about to be.</summary>
    internal static void Map(RouteGroupBuilder uploads) => uploads.MapDelete("/{id}", DeleteAsync);

    internal static async Task<NoContent> DeleteAsync(
        string id, EventStore events, IObjectStorage storage, TimeProvider clock, CancellationToken cancellationToken)
    {
        var uploadId = UploadErrors.ParseId(id);

        // The event goes first: from then on no completion can begin whose parts would be deleted under its hands.
        var upload = (await events.DecideAsync<Upload, IUploadEvent>(
            uploadId, upload => Decide(upload, clock.GetUtcNow()), cancellationToken)).State;
        await DiscardPartsAsync(upload, events, storage, clock, cancellationToken);
        return TypedResults.NoContent();
    }

    internal static IReadOnlyList<IUploadEvent> Decide(Upload upload, DateTimeOffset now) => upload.Status switch
    {
        UploadStatus.Open => [new UploadAborted(now)],
        UploadStatus.Aborted => [],
        _ => throw upload.Refusal(now),
    };

    /// <summary>Deletes the parts of an aborted or expired upload, or the object of a withdrawn one, and records it. What a crash left undone, the sweep does.</summary>
    internal static async Task DiscardPartsAsync(
        Upload upload, EventStore events, IObjectStorage storage, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (upload.PartsAreDiscarded)
            return;

        if (upload.Multipart is { } multipart)
        {
            await storage.AbortMultipartAsync(multipart, cancellationToken);
        }

        if (upload.Appended is not null || upload.Completion is not null)
        {
            // A piece for a concatenation, a file that was not what was promised of it, or one that is withdrawn, is an object already.
            await storage.DeleteAsync(upload.Session.Key, cancellationToken);
            await TailStore.DeleteAllAsync(storage, upload, cancellationToken);
        }

        await events.DecideAsync<Upload, IUploadEvent>(
            upload.Session.UploadId, upload => upload.PartsAreDiscarded ? [] : [new PartsDiscarded(clock.GetUtcNow())], cancellationToken);
    }
}
