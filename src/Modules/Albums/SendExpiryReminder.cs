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
            AlbumMails.Reminder,
            state => state.RemindersSent,
            (recipient, brand, email, link) => AlbumMail
                .Layout(
                    brand,
                    zip,
                    link,
                    $"Your wedding album can be downloaded until {AlbumMail.Day(end)}",
                    $"You can download your wedding album until {AlbumMail.Day(end)}",
                    "After that day the link no longer works.")
                .ToMail($"album-{command.AlbumId}-reminder-{end.UtcDateTime:yyyyMMdd}-{recipient}", email) with
            { MayBeUnsubscribed = true },
            recipient => new ReminderSent(recipient, clock.GetUtcNow()),
            cancellationToken);
    }

    public Task GaveUpAsync(SendExpiryReminder command, Exception error, CancellationToken cancellationToken) =>
        mail.GiveUpAsync(command.AlbumId, AlbumMails.Reminder, state => state.RemindersSent, error, cancellationToken);
}
