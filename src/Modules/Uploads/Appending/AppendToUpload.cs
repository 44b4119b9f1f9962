using System.IO.Pipelines;
using Platform.Costs;
using Platform.Events;

namespace Uploads;

/// <summary>Adds bytes to the end of an upload. What a broken request brought is kept, unless digests were promised for it.</summary>
/// <param name="Protocol">Uploads of the other are unknown.</param>
/// <param name="OffsetBytes">Where the client believes the end to be.</param>
/// <param name="BodySizeBytes">As <c>Content-Length</c> says; <see langword="null"/> where the body ends when it ends.</param>
/// <param name="LengthBytes">Of the whole file, where this request says it.</param>
/// <param name="IsLast">Whether the file ends with this body; <see langword="null"/> where it ends at its length.</param>
internal sealed record AppendToUpload(
    Guid UploadId,
    string Protocol,
    long OffsetBytes,
    PipeReader Body,
    long? BodySizeBytes,
    BodyDigests Digests,
    long? LengthBytes = null,
    bool? IsLast = null);

/// <summary>Appends, and completes the upload where its end has come.</summary>
internal sealed class AppendToUploadHandler(
    AppendServices services, AppendsAtWork atWork, CompleteUploadHandler completion, UsageLedger usage, ThisNode node)
{
    /// <summary>Returns the upload after it: complete, where its end has come.</summary>
    /// <exception cref="CommandRefusedException">Nothing was appended.</exception>
    /// <exception cref="AppendInterruptedException">A newer request took over. What arrived is recorded.</exception>
    public async Task<Upload> AppendAsync(AppendToUpload command)
    {
        using var turn = await atWork.TakeOverAsync(command.UploadId, command.Body.CancelPendingRead);
        var upload = await services.Events.DecideAsync<Upload, IUploadEvent>(
            command.UploadId, upload => Decide(upload, command, node.Name, services.Clock.GetUtcNow()), CancellationToken.None);
        if (command is { OffsetBytes: 0, IsLast: not false })
        {
            command.Digests.ComputeOfFile(upload.State.Session.Append!);
        }

        var length = command.LengthBytes ?? LengthOf(upload.State);
        var most = length ?? upload.State.Session.Append!.MaxSizeBytes;
        var body = new AppendBody(
            command.Body, most - command.OffsetBytes, command.Digests, () => length is null ? PartPlan.TooLarge(most) : AppendErrors.TooLong(most));
        using var charged = usage.Charge(upload.State.Account);
        var after = await RunAsync(new AppendRun(services, command, upload, body, length, turn.GraceEnded), command.UploadId, turn.GraceEnded);
        if (!IsWhole(after, command.IsLast))
            return after;

        await completion.CompleteAsync(command.UploadId, new CompleteUpload(Parts: null), CancellationToken.None, command.Digests.FileIsVerified);
        return (await services.Events.FoldAsync<Upload, IUploadEvent>(command.UploadId, CancellationToken.None)).State;
    }

    /// <summary>Whether the append may begin, and what is to be recorded before its first byte.</summary>
    internal static IReadOnlyList<IUploadEvent> Decide(Upload upload, AppendToUpload command, string node, DateTimeOffset now)
    {
        upload.MustBeOf(command.Protocol);
        if (upload.Session.Append!.IsFinal)
        {
            throw new CommandRefusedException("FINAL_UPLOAD", "Nothing can be appended to a concatenation.");
        }

        // Where bytes may still come or did come, a wrong offset is what the client has to hear of first.
        var appended = upload.Appended!;
        if (upload.StatusAt(now) is not (UploadStatus.Completing or UploadStatus.Completed))
        {
            upload.MustBeOpen(now);
        }

        if (command.OffsetBytes != appended.OffsetBytes)
        {
            throw AppendErrors.OffsetMismatch(appended.OffsetBytes, command.OffsetBytes);
        }

        upload.MustBeOpen(now);
        PartPlan.CheckSize(command.LengthBytes ?? 0, upload.Session.Append.MaxSizeBytes);
        var length = LengthOf(upload);
        if ((command.LengthBytes is { } declared && (declared < appended.OffsetBytes || (length is { } known && known != declared)))
            || (command is { IsLast: true, BodySizeBytes: { } rest } && (command.LengthBytes ?? length) is { } whole && command.OffsetBytes + rest != whole))
        {
            throw AppendErrors.InconsistentLength();
        }

        if ((command.LengthBytes ?? length) is { } most && command.OffsetBytes + command.BodySizeBytes > most)
        {
            throw AppendErrors.TooLong(most);
        }

        return appended.Node == node ? [] : [new AppendTakenOver(node, now)];
    }

    private async Task<Upload> RunAsync(AppendRun append, Guid uploadId, CancellationToken graceEnded)
    {
        try
        {
            return await append.ReceiveAsync();
        }
        catch (OperationCanceledException) when (graceEnded.IsCancellationRequested)
        {
            // As after a process that died, the store may have a piece that no event names.
            var takenOver = new AppendTakenOver(node.Name, services.Clock.GetUtcNow());
            await services.Events.DecideAsync<Upload, IUploadEvent>(
                uploadId,
                upload => upload.Status is UploadStatus.Open && upload.Appended!.Node == node.Name ? [takenOver] : [],
                CancellationToken.None);
            throw new AppendInterruptedException();
        }
    }

    private static long? LengthOf(Upload upload) => upload.Appended!.IsLengthKnown ? upload.Session.SizeBytes : null;

    private static bool IsWhole(Upload upload, bool? isLast) => isLast ?? LengthOf(upload) == upload.Appended!.OffsetBytes;
}
