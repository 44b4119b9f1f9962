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
        await mail.SendAsync(
            command.AlbumId,
            album,
            state => state.LinksSent,
            (recipient, email, link) => AlbumMail.Compose(
                command.AlbumId,
                zip,
                $"link-{edition}{recipient}",
                email,
                link,
                subject,
                opening,
                kept + "If the download stops, your browser can go on where it stopped."),
            recipient => new LinkSent(recipient, clock.GetUtcNow()),
            cancellationToken);
    }

    /// <summary>The album stays complete and its page shows the link; that no mail went out is seen in the job's log.</summary>
    public Task GaveUpAsync(SendAlbumLink command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;
}
