using Microsoft.Extensions.Localization;
using Platform.Events;
using Platform.Jobs;
using Platform.Languages;

namespace Albums;

/// <summary>Sends the link of a completed album to everybody who asked for it, once for each edition. Safe to repeat.</summary>
internal sealed record SendAlbumLink(Guid AlbumId);

internal sealed class SendAlbumLinkHandler(EventStore store, AlbumMail mail, IStringLocalizer<Texts> texts, TimeProvider clock) : IJob<SendAlbumLink>
{
    public async Task RunAsync(SendAlbumLink command, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(command.AlbumId, cancellationToken)).State;
        if (album is not { Zip: { } zip, LeavesNothing: false })
        {
            return;
        }

        var (edition, subject, opening) = album.Completions == 1
            ? ("", "LinkMail.Subject", "LinkMail.Opening")
            : ($"{album.Completions}-", "LinkMail.SubjectOfMore", "LinkMail.OpeningOfMore");
        var again = album.LinksRequested == 0 ? "" : $"again{album.LinksRequested}-"; // else mailboxes take it for the one they have
        await mail.SendAsync(
            command.AlbumId,
            album,
            AlbumMails.Link,
            state => state.LinksSent,
            reader => mail
                .Layout(reader, zip, texts[subject], texts[opening], $"{(album.ExpiresAt is { } end ? $"{texts["LinkMail.Until", reader.DayOf(end)]} " : "")}{texts["LinkMail.Closing"]}")
                .ToMail($"album-{command.AlbumId}-link-{edition}{again}{reader.Recipient}", reader.Email),
            recipient => new LinkSent(recipient, clock.GetUtcNow()),
            cancellationToken);
    }

    public Task GaveUpAsync(SendAlbumLink command, Exception error, CancellationToken cancellationToken) =>
        mail.GiveUpAsync(command.AlbumId, AlbumMails.Link, state => state.LinksSent, error, cancellationToken);
}
