using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.Events;
using Platform.Storage;

namespace Uploads;

/// <summary>
/// Sweeps up what clients and crashes left behind: lets uploads expire whose time is over, deletes the parts of those that ended, and
/// finishes completions nobody came back to. Any number of nodes may sweep at once: the streams decide.
/// </summary>
internal sealed class ExpireUploads(
    NpgsqlDataSource database,
    EventStore events,
    IObjectStorage storage,
    CompleteUploadHandler completion,
    Quotas quotas,
    UploadOptions options,
    TimeProvider clock,
    ILogger<ExpireUploads> log) : BackgroundService
{
    // A store that says nothing is given up after a minute.
    private static readonly TimeSpan LongestBeginning = TimeSpan.FromMinutes(5);

    /// <summary>One pass. What fails is left for the next one.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        await quotas.RemoveLeftoversAsync(clock.GetUtcNow() - LongestBeginning, cancellationToken);
        foreach (var uploadId in await DueAsync(cancellationToken))
        {
            try
            {
                await EndAsync(uploadId, cancellationToken);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                // Whatever is wrong with one upload, the others and the host go on.
                log.NotSwept(e, uploadId);
            }
        }
    }

    internal static IReadOnlyList<IUploadEvent> Decide(Upload upload, DateTimeOffset now) =>
        upload.StatusAt(now) is UploadStatus.Expired && upload.Status is not UploadStatus.Expired ? [new UploadExpired(now)] : [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.SweepInterval, clock);
        do
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (NpgsqlException e)
            {
                log.SweepFailed(e);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task EndAsync(Guid uploadId, CancellationToken cancellationToken)
    {
        var upload = (await events.DecideAsync<Upload, IUploadEvent>(
            uploadId, upload => Decide(upload, clock.GetUtcNow()), cancellationToken)).State;
        if (upload.Status is UploadStatus.Completing)
        {
            await completion.CompleteAsync(uploadId, new CompleteUpload(Parts: null), cancellationToken);
        }
        else if (upload.Status is UploadStatus.Aborted or UploadStatus.Expired)
        {
            await AbortUploadHandler.DiscardPartsAsync(upload, events, storage, clock, cancellationToken);
        }
    }

    private async Task<IReadOnlyList<Guid>> DueAsync(CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("select upload_id from uploads.upload where due_at <= $1");
        query.Parameters.Add(new() { Value = clock.GetUtcNow() });
        var due = new List<Guid>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            due.Add(rows.GetGuid(0));
        }

        return due;
    }
}
