using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.ExceptionServices;
using Albums.Contracts;
using Platform.Events;
using Platform.Mail;

namespace Albums;

/// <summary>
/// Mails to everybody whom an album's request named. Who got one gets no other for the same cause, and one that a crash made go out twice
/// carries the same Message-ID.
/// </summary>
internal sealed class AlbumMail(EventStore store, IMailer mailer, AlbumOptions options)
{
    /// <param name="sent">Recipients that the stream says to have it.</param>
    /// <param name="compose">Given the recipient, the address, and a link of the recipient's own.</param>
    /// <param name="record">What the stream shall say of one more.</param>
    /// <exception cref="MailException">For one of them at least it was refused; the others have it.</exception>
    internal async Task SendAsync(
        Guid albumId,
        Album album,
        Func<Album, ImmutableHashSet<int>> sent,
        Func<int, string, string, Mail> compose,
        Func<int, IAlbumEvent> record,
        CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? refusal = null;
        foreach (var (recipient, email) in album.Request!.Emails.Index().Where(to => !sent(album).Contains(to.Index)))
        {
            try
            {
                var token = await AlbumLinks.IssueAsync(store, albumId, "mail", cancellationToken);
                await mailer.SendAsync(compose(recipient, email, options.DownloadUrlOf(albumId, token)), cancellationToken);
            }
            catch (MailException e)
            {
                refusal = ExceptionDispatchInfo.Capture(e); // the job tries this one again; the others do not wait for it
                continue;
            }

            await store.DecideAsync<Album, IAlbumEvent>(
                albumId, state => sent(state).Contains(recipient) ? [] : [record(recipient)], cancellationToken);
        }

        refusal?.Throw();
    }

    /// <param name="opening">One sentence without its end: the link follows.</param>
    /// <param name="closing">One line.</param>
    internal static Mail Compose(
        Guid albumId, AlbumCompleted zip, string id, string email, string link, string subject, string opening, string closing)
    {
        (string Url, string Label)[] links = zip.Volumes is not { } volumes
            ? [(link, "Download the album")]
            : [.. volumes.Select(volume => (AlbumOffer.UrlOf(link, volume.Number), $"Download part {volume.Number} of {volumes.Count} ({SizeOf(volume.SizeBytes)})"))];
        var content = zip.Volumes is null
            ? $"{zip.Files} files, {SizeOf(zip.SizeBytes)}, in one ZIP."
            : $"{zip.Files} files, {SizeOf(zip.SizeBytes)}, in {links.Length} ZIPs that are each complete by themselves.";
        var plain = string.Join("\n", links.Select(to => links.Length == 1 ? to.Url : $"{to.Label}:\n{to.Url}\n"));
        var buttons = string.Join("\n", links.Select(to =>
            $"""<p><a href="{to.Url}" style="background:#7a5c3e;color:#fff;padding:12px 20px;border-radius:6px;text-decoration:none">{to.Label}</a></p>"""));
        var missing = zip.Skipped > 0 ? $"{zip.Skipped} files could not be included; _MISSING.txt in the ZIP names them." : "";
        return new Mail(
            $"album-{albumId}-{id}",
            email,
            subject,
            $"""
            {opening}:

            {plain}

            {content} {missing}
            {closing}

            """,
            $"""
            <!doctype html><html lang="en"><body style="font-family:sans-serif;line-height:1.5">
            <p>{opening}.</p>
            {buttons}
            <p>{content} {missing}<br>{closing}</p>
            </body></html>
            """);
    }

    private static string SizeOf(long sizeBytes) =>
        sizeBytes < 50_000_000 ? "less than 0.1 GB" : string.Create(CultureInfo.InvariantCulture, $"{sizeBytes / 1e9:0.0} GB");

    internal static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);
}
