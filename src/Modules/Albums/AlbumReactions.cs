using Albums.Contracts;
using Npgsql;
using Platform.Events;
using Platform.Jobs;

namespace Albums;

/// <summary>Queues the work that follows from an album's events. A job is named after its cause, so the same event queues it once.</summary>
internal sealed class AlbumReactions(JobQueue jobs, AlbumOptions options) : ISubscription
{
    public string Name => "album_reactions";

    public IReadOnlyCollection<Type> Handles { get; } =
    [
        typeof(AlbumRequested),
        typeof(AlbumReplayed),
        typeof(ReplayEnded),
        typeof(AttemptYielded),
        typeof(AlbumCompleted),
        typeof(AlbumFailed),
        typeof(LinkRequested),
        typeof(ExpiryAnnounced),
        typeof(AlbumCancelled),
        typeof(AlbumDeleted),
        typeof(AlbumExpired),
        typeof(BulkRequested),
        typeof(FailuresReported),
    ];

    public async Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        if (e.Payload is FailuresReported)
        {
            await jobs.EnqueueAsync($"send_failure_report/{e.Version}", new SendFailureReport(e.Version), transaction, cancellationToken);
            return;
        }

        var id = Guid.Parse(e.StreamId);
        await (e.Payload switch
        {
            AlbumRequested or AlbumReplayed or AttemptYielded when options.Run is AlbumRun.Batch => Task.CompletedTask, // a process comes for it
            AlbumRequested or AlbumReplayed or AttemptYielded => QueueAsync("zip_album", new ZipAlbum(id)),
            AlbumCompleted or LinkRequested => QueueAsync("send_album_link", new SendAlbumLink(id)),
            BulkRequested => QueueAsync("run_bulk_action", new RunBulkAction(id)),
            ExpiryAnnounced => QueueAsync("send_expiry_reminder", new SendExpiryReminder(id)),
            ReplayEnded or AlbumCancelled or AlbumDeleted or AlbumExpired => QueueAsync("discard_album", new DiscardAlbum(id)),
            _ => Task.CompletedTask,
        });
        if (e.Payload is AlbumCompleted or AlbumFailed or AlbumCancelled or AlbumDeleted)
        {
            await QueueAsync("send_album_webhook", new SendAlbumWebhook(id, e.Version));
        }

        Task QueueAsync<TCommand>(string kind, TCommand command)
            where TCommand : notnull => jobs.EnqueueAsync($"{kind}/{id}/{e.Version}", command, transaction, cancellationToken);
    }
}
