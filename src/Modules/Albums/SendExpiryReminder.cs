using Microsoft.Extensions.Localization;
using Platform.Events;
using Platform.Jobs;
using Platform.Languages;

namespace Albums;

/// <summary>Tells everybody who has the link that the ZIP will go, and when. Safe to repeat.</summary>
internal sealed record SendExpiryReminder(Guid AlbumId);

internal sealed class SendExpiryReminderHandler(EventStore store, AlbumMail mail, IStringLocalizer<Texts> texts, TimeProvider clock) : IJob<SendExpiryReminder>
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
            reader => mail
                .Layout(
                    reader,
                    zip,
                    texts["ReminderMail.Subject", reader.DayOf(end)],
                    texts["ReminderMail.Opening", reader.DayOf(end)],
                    texts["ReminderMail.Closing"])
                .ToMail($"album-{command.AlbumId}-reminder-{end.UtcDateTime:yyyyMMdd}-{reader.Recipient}", reader.Email) with
            { MayBeUnsubscribed = true },
            recipient => new ReminderSent(recipient, clock.GetUtcNow()),
            cancellationToken);
    }

    public Task GaveUpAsync(SendExpiryReminder command, Exception error, CancellationToken cancellationToken) =>
        mail.GiveUpAsync(command.AlbumId, AlbumMails.Reminder, state => state.RemindersSent, error, cancellationToken);
}
