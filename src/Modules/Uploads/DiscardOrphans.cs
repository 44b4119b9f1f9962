using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.Storage;

namespace Uploads;

/// <summary>
/// Discards multipart uploads that no stream knows: their process died between beginning them and recording it. The log is asked, not the
/// read model, which may be late; and only about what is old enough for any beginning to have ended.
/// </summary>
internal sealed class DiscardOrphans(NpgsqlDataSource database, IObjectStorage storage, TimeProvider clock, ILogger<DiscardOrphans> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromDays(1);
    private static readonly TimeSpan LongestBeginning = TimeSpan.FromDays(1);

    // By how much our clock and the store's may differ, and the time between choosing an id and beginning.
    private static readonly TimeSpan Tolerance = TimeSpan.FromHours(1);

    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var prefix in KeyLayout.Prefixes)
        {
            string? continuation = null;
            do
            {
                var page = await storage.ListMultipartsAsync(prefix, continuation, cancellationToken);
                foreach (var pending in page.Uploads.Where(pending => pending.BegunAt < clock.GetUtcNow() - LongestBeginning))
                {
                    if (!await IsRecordedAsync(pending, cancellationToken))
                    {
                        await storage.AbortMultipartAsync(pending.Upload, cancellationToken);
                        log.OrphanDiscarded(pending.Upload.Key, pending.Upload.Id);
                    }
                }

                continuation = page.Continuation;
            }
            while (continuation is not null);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        do
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or StorageException)
            {
                log.OrphansNotDiscarded(e);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>Whether any upload begun around that time has it. Ids are of version 7 (RFC 9562 §5.7): the streams of a time stand together.</summary>
    private async Task<bool> IsRecordedAsync(PendingMultipart pending, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select exists (
                select from mt_events
                where stream_id >= $1 and stream_id < $2 and type = 'upload_initiated' and data ->> 'MultipartId' = $3)
            """);
        query.Parameters.Add(new() { Value = FirstStreamAt(pending.BegunAt - Tolerance) });
        query.Parameters.Add(new() { Value = FirstStreamAt(pending.BegunAt + Tolerance) });
        query.Parameters.Add(new() { Value = pending.Upload.Id });
        return (bool)(await query.ExecuteScalarAsync(cancellationToken))!;
    }

    private static string FirstStreamAt(DateTimeOffset time)
    {
        var milliseconds = time.ToUnixTimeMilliseconds().ToString("x12", CultureInfo.InvariantCulture);
        return $"{Upload.Category}-{milliseconds[..8]}-{milliseconds[8..]}";
    }
}
