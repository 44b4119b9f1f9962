using System.Globalization;
using System.Runtime.ExceptionServices;
using Platform.Events;
using Platform.Jobs;
using Platform.Mail;

namespace Albums;

/// <summary>
/// Sends the link of a completed album to everybody who asked for it. Safe to repeat: who has the link gets no other mail, and one that a
/// crash made go out twice carries the same Message-ID.
/// </summary>
internal sealed record SendAlbumLink(Guid AlbumId);

internal sealed class SendAlbumLinkHandler(EventStore store, IMailer mailer, AlbumOptions options, TimeProvider clock) : IJob<SendAlbumLink>
{
    public async Task RunAsync(SendAlbumLink command, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(command.AlbumId, cancellationToken)).State;
        if (album.Completed is null)
        {
            return;
        }

        ExceptionDispatchInfo? refusal = null;
        foreach (var (recipient, email) in album.Request!.Emails.Index().Where(to => !album.LinksSent.Contains(to.Index)))
        {
            try
            {
                await mailer.SendAsync(Compose(command.AlbumId, album, recipient, email), cancellationToken);
            }
            catch (MailException e)
            {
                refusal = ExceptionDispatchInfo.Capture(e); // the job tries this one again; the others do not wait for it
                continue;
            }

            await store.DecideAsync<Album, IAlbumEvent>(
                command.AlbumId, state => state.LinksSent.Contains(recipient) ? [] : [new LinkSent(recipient, clock.GetUtcNow())], cancellationToken);
        }

        refusal?.Throw();
    }

    /// <summary>The album stays complete and its page shows the link; that no mail went out is seen in the job's log.</summary>
    public Task GaveUpAsync(SendAlbumLink command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;

    private Mail Compose(Guid albumId, Album album, int number, string email)
    {
        var zip = album.Completed!;
        var link = new Uri(options.PublicUrl, $"v1/albums/{albumId}/download").ToString();
        var size = string.Create(CultureInfo.InvariantCulture, $"{zip.SizeBytes / 1e9:0.0} GB");
        var content = $"{zip.Files} files, {(zip.SizeBytes < 50_000_000 ? "less than 0.1 GB" : size)}, in one ZIP.";
        var missing = zip.Skipped > 0 ? $"{zip.Skipped} files could not be included; _MISSING.txt in the ZIP names them." : "";
        return new Mail(
            $"album-{albumId}-link-{number}",
            email,
            "Your wedding album is ready",
            $"""
            Your wedding album is ready to download:

            {link}

            {content} {missing}
            If the download stops, your browser can go on where it stopped.

            """,
            $"""
            <!doctype html><html lang="en"><body style="font-family:sans-serif;line-height:1.5">
            <p>Your wedding album is ready.</p>
            <p><a href="{link}" style="background:#7a5c3e;color:#fff;padding:12px 20px;border-radius:6px;text-decoration:none">Download the album</a></p>
            <p>{content} {missing}<br>If the download stops, your browser can go on where it stopped.</p>
            </body></html>
            """);
    }
}
