using Platform.Events;

namespace Uploads;

/// <summary>
/// Says where an upload ends, and means it: an append that is under way is ended first, here or on another node, so that the next append
/// at this offset is taken.
/// </summary>
internal sealed class RetrieveOffsetHandler(
    EventStore events, AppendsAtWork atWork, CompleteUploadHandler completion, ThisNode node, TimeProvider clock)
{
    /// <param name="protocol">Uploads of the other are unknown.</param>
    /// <param name="completesAtLength">Whether an upload is complete as soon as its last byte is there, so that one whose host crashed just then is to be completed.</param>
    /// <exception cref="CommandRefusedException">There is no such upload, or not any more.</exception>
    public async Task<Upload> RetrieveAsync(Guid uploadId, string protocol, bool completesAtLength, CancellationToken cancellationToken)
    {
        using var turn = await atWork.TakeOverAsync(uploadId, interrupt: () => { });
        var upload = (await events.DecideAsync<Upload, IUploadEvent>(
            uploadId, upload => Decide(upload, protocol, node.Name, clock.GetUtcNow()), cancellationToken)).State;
        if (!completesAtLength
            || upload is not { Status: UploadStatus.Open or UploadStatus.Completing, Appended: { IsLengthKnown: true } appended }
            || appended.OffsetBytes < upload.Session.SizeBytes)
        {
            return upload;
        }

        await completion.CompleteAsync(uploadId, new CompleteUpload(Parts: null), cancellationToken);
        return (await events.FoldAsync<Upload, IUploadEvent>(uploadId, cancellationToken)).State;
    }

    internal static IReadOnlyList<IUploadEvent> Decide(Upload upload, string protocol, string node, DateTimeOffset now)
    {
        upload.MustBeOf(protocol);
        return upload.StatusAt(now) switch
        {
            UploadStatus.Open when upload.Appended!.Node != node => [new AppendTakenOver(node, now)],
            UploadStatus.Open or UploadStatus.Completing or UploadStatus.Completed => [],
            _ => throw upload.Refusal(now),
        };
    }
}
