using Platform.Events;
using Platform.Storage;

namespace Uploads;

/// <summary>
/// Ends an upload at its client's wish: what is not complete is given up and its space freed. A complete file stays, it belongs to its
/// wedding by then; only the upload's address goes.
/// </summary>
internal sealed class TerminateUploadHandler(EventStore events, IObjectStorage storage, AppendsAtWork atWork, TimeProvider clock)
{
    /// <exception cref="CommandRefusedException">There is no such upload, or not any more.</exception>
    public Task TerminateAsync(Guid uploadId, string protocol, CancellationToken cancellationToken) =>
        EndAsync(uploadId, upload => Decide(upload, protocol, clock.GetUtcNow()), cancellationToken);

    /// <summary>Ends an upload that cannot become a file any more. Safe to repeat.</summary>
    /// <param name="reason">The code of what was wrong with it.</param>
    public Task GiveUpAsync(Guid uploadId, string reason) => EndAsync(
        uploadId, upload => upload.Status is UploadStatus.Open ? [new UploadAborted(clock.GetUtcNow(), reason)] : [], CancellationToken.None);

    internal static IReadOnlyList<IUploadEvent> Decide(Upload upload, string protocol, DateTimeOffset now)
    {
        upload.MustBeOf(protocol);
        return upload.StatusAt(now) switch
        {
            UploadStatus.Open => [new UploadAborted(now)],
            UploadStatus.Completed when upload.IsPartial => [new UploadAborted(now)],
            UploadStatus.Completed => [new AddressClosed(now)],
            _ => throw upload.Refusal(now),
        };
    }

    private async Task EndAsync(Guid uploadId, Func<Upload, IReadOnlyList<IUploadEvent>> decide, CancellationToken cancellationToken)
    {
        using var turn = await atWork.TakeOverAsync(uploadId, interrupt: () => { });
        var upload = (await events.DecideAsync(uploadId, decide, cancellationToken)).State;
        if (upload.Status is UploadStatus.Aborted)
        {
            await AbortUploadHandler.DiscardPartsAsync(upload, events, storage, clock, cancellationToken);
        }
    }
}
