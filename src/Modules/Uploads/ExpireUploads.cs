using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.Events;
using Platform.Jobs;
using Platform.Storage;

namespace Uploads;

/// <summary>
/// Sweeps up what clients and crashes left behind: lets uploads expire whose time is over, deletes the parts of those that ended, and
/// finishes what nobody came back to: completions, and the reading of files.
/// </summary>
internal sealed class ExpireUploads(
    NpgsqlDataSource database,
    EventStore events,
    IObjectStorage storage,
    CompleteUploadHandler completion,
    VerifyUploadHandler verification,
    Quotas quotas,
    UploadOptions options,
    TimeProvider clock,
    ILogger<ExpireUploads> log) : Sweep(options.SweepInterval, clock, log)
{
    // A store that says nothing is given up after a minute.
    private static readonly TimeSpan LongestBeginning = TimeSpan.FromMinutes(5);

    private readonly TimeProvider clock = clock;

    internal static IReadOnlyList<IUploadEvent> Decide(Upload upload, DateTimeOffset now) =>
        upload.StatusAt(now) is UploadStatus.Expired && upload.Status is not UploadStatus.Expired ? [new UploadExpired(now)] : [];

    protected override async Task<IReadOnlyList<Guid>> DueAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        await quotas.RemoveLeftoversAsync(now - LongestBeginning, cancellationToken);
        await using var query = database.CreateCommand("select upload_id from uploads.upload where due_at <= $1");
        query.Parameters.Add(new() { Value = now });
        var due = new List<Guid>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            due.Add(rows.GetGuid(0));
        }

        return due;
    }

    protected override async Task HandleAsync(Guid id, CancellationToken cancellationToken)
    {
        var upload = (await events.DecideAsync<Upload, IUploadEvent>(
            id, upload => Decide(upload, clock.GetUtcNow()), cancellationToken)).State;
        switch (upload.Status)
        {
            case UploadStatus.Completing:
                await completion.CompleteAsync(id, new CompleteUpload(Parts: null), cancellationToken);
                break;
            case UploadStatus.Verifying:
                await verification.RunAsync(new VerifyUpload(id), cancellationToken);
                break;
            case UploadStatus.Aborted or UploadStatus.Expired or UploadStatus.Withdrawn:
                await AbortUploadHandler.DiscardPartsAsync(upload, events, storage, clock, cancellationToken);
                break;
        }
    }
}
