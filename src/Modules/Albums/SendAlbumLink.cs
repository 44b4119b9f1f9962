using Platform.Events;
using Platform.Jobs;

namespace Albums;

/// <summary>Sends the link of a completed album to everybody who asked for it, once for each edition. Safe to repeat.</summary>
internal sealed record SendAlbumLink(Guid AlbumId);

internal sealed class SendAlbumLinkHandler(EventStore store, AlbumMail mail, TimeProvider clock) : IJob<SendAlbumLink>
{
    public async Task RunAsync(SendAlbumLink command, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(command.AlbumId, cancellationToken)).State;
        if (album is not { Zip: { } zip, LeavesNothing: false })
        {
            return;
        }

        var kept = album.ExpiresAt is { } end ? $"You can download it until {AlbumMail.Day(end)}. " : "";
        var (edition, subject, opening) = album.Completions == 1
            ? ("", "Your wedding album is ready", "Your wedding album is ready to download")
            : ($"{album.Completions}-", "More files are in your wedding album", "Files that were missing are in your wedding album now");
        var again = album.LinksRequested == 0 ? "" : $"again{album.LinksRequested}-"; // else mailboxes take it for the one they have
        await mail.SendAsync(
            command.AlbumId,
            album,
            AlbumMails.Link,
            state => state.LinksSent,
            (recipient, brand, email, link) => AlbumMail
                .Layout(brand, zip, link, subject, opening, kept + "If the download stops, your browser can go on where it stopped.")
                .ToMail($"album-{command.AlbumId}-link-{edition}{again}{recipient}", email),
            recipient => new LinkSent(recipient, clock.GetUtcNow()),
            cancellationToken);
    }

    public Task GaveUpAsync(SendAlbumLink command, Exception error, CancellationToken cancellationToken) =>
        mail.GiveUpAsync(command.AlbumId, AlbumMails.Link, state => state.LinksSent, error, cancellationToken);
}
