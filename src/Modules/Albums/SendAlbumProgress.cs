using Albums.Contracts;
using Platform.Events;
using Platform.Jobs;
using Platform.Webhooks;

namespace Albums;

/// <summary>
/// Tells the receiver that the request named how far an album is. One attempt: the next message comes soon. None is sent once the album has
/// ended, nor sooner than the settings say after the one before.
/// </summary>
internal sealed record SendAlbumProgress(Guid AlbumId);

internal sealed record AlbumUnderway(
    Guid AlbumId,
    string WeddingId,
    AlbumStatus Status,
    Tally<int> Files,
    Tally<long> Bytes,
    double? BytesPerSecond,
    double? SecondsLeft);

internal sealed class SendAlbumProgressHandler(
    EventStore store, WebhookSender webhooks, WebhookOptions options, TimeProvider clock) : IJob<SendAlbumProgress>
{
    internal const string MessageType = "album.progress";

    public async Task RunAsync(SendAlbumProgress command, CancellationToken cancellationToken)
    {
        try
        {
            await webhooks.DeliverAsync(
                SendAlbumWebhookHandler.SubjectOf(command.AlbumId), cancel => ComposeAsync(command.AlbumId, cancel), cancellationToken);
        }
        catch (WebhookException)
        {
            // On record; how far it is by then is told next.
        }
    }

    public Task GaveUpAsync(SendAlbumProgress command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task<WebhookMessage?> ComposeAsync(Guid albumId, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var (album, version) = await store.FoldAsync<Album, IAlbumEvent>(albumId, cancellationToken);
        if (album is not { Status: AlbumStatus.Zipping, Request.WebhookUrl: { } url } || await IsTooSoonAsync(albumId, now, cancellationToken))
        {
            return null;
        }

        var view = AlbumView.Of(albumId, album, now);
        return new WebhookMessage(
            WebhookMessage.IdOf(albumId, version),
            MessageType,
            new Uri(url),
            now,
            new AlbumUnderway(albumId, view.WeddingId, view.Status, view.Files, view.Bytes, view.BytesPerSecond, view.SecondsLeft));
    }

    private async Task<bool> IsTooSoonAsync(Guid albumId, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var messages = await webhooks.ListAsync(SendAlbumWebhookHandler.SubjectOf(albumId), cancellationToken);
        return messages.FirstOrDefault(message => message.Type is MessageType)?.LastAttemptAt + options.ProgressInterval > now;
    }
}

/// <summary>Queues <see cref="SendAlbumProgress"/> while an album is packed: now and then, and only where somebody is to be told.</summary>
internal sealed class AlbumProgressQueue(JobQueue jobs, WebhookOptions options, TimeProvider clock)
{
    /// <summary>What a worker tells its progress, after each append of one attempt.</summary>
    internal Func<Album, CancellationToken, Task> Of(Guid albumId)
    {
        long? queuedAt = null;
        return (album, cancellationToken) =>
        {
            if (album is not { Status: AlbumStatus.Zipping, StoredBytes: > 0, Request.WebhookUrl: not null }
                || (queuedAt is { } last && clock.GetElapsedTime(last) < options.ProgressInterval))
            {
                return Task.CompletedTask;
            }

            // The queue keeps a name once: while a message waits for its turn, no other is queued.
            queuedAt = clock.GetTimestamp();
            return jobs.EnqueueAsync($"send_album_progress/{albumId}", new SendAlbumProgress(albumId), cancellationToken);
        };
    }
}
