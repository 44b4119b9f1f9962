using Platform.Events;
using Platform.Jobs;

namespace Albums;

/// <summary>Tells everybody who has the link that the ZIP will go, and when. Safe to repeat.</summary>
internal sealed record SendExpiryReminder(Guid AlbumId);

internal sealed class SendExpiryReminderHandler(EventStore store, AlbumMail mail, TimeProvider clock) : IJob<SendExpiryReminder>
{
    public async Task RunAsync(SendExpiryReminder command, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(command.AlbumId, cancellationToken)).State;
        if (album is not { LeavesNothing: false, Zip: { } zip, ExpiryAnnounced.ExpiresAt: var end })
        {
            return;
        }

        await mail.SendAsync(
            command.AlbumId,
            album,
            state => state.RemindersSent,
            (recipient, email, link) => AlbumMail.Compose(
                command.AlbumId,
                zip,
                $"reminder-{end.UtcDateTime:yyyyMMdd}-{recipient}",
                email,
                link,
                $"Your wedding album can be downloaded until {AlbumMail.Day(end)}",
                $"You can download your wedding album until {AlbumMail.Day(end)}",
                "After that day the link no longer works."),
            recipient => new ReminderSent(recipient, clock.GetUtcNow()),
            cancellationToken);
    }

    /// <summary>The album's page shows the date; that no mail went out is seen in the job's log.</summary>
    public Task GaveUpAsync(SendExpiryReminder command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;
}
