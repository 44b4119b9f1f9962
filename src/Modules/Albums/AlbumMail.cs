using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.ExceptionServices;
using Albums.Contracts;
using Npgsql;
using Platform.Events;
using Platform.Mail;

namespace Albums;

/// <summary>
/// Mails to everybody whom an album's request named. Who got one gets no other for the same cause, and one that a crash made go out twice
/// carries the same Message-ID. A mailbox that refuses for good is recorded, and not tried again unless somebody asks for it.
/// </summary>
internal sealed class AlbumMail(EventStore store, IMailer mailer, AlbumOptions options, NpgsqlDataSource database, TimeProvider clock)
{
    /// <param name="kind">What is sent, as in <c>link</c>.</param>
    /// <param name="sent">Recipients that the stream says to have it.</param>
    /// <param name="compose">Given the recipient, the address, and a link of the recipient's own.</param>
    /// <param name="record">What the stream shall say of one more.</param>
    /// <exception cref="MailException">For one of them at least it was refused for now; the others have it.</exception>
    internal async Task SendAsync(
        Guid albumId,
        Album album,
        string kind,
        Func<Album, ImmutableHashSet<int>> sent,
        Func<int, MailBrand, string, string, Mail> compose,
        Func<int, IAlbumEvent> record,
        CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? refusal = null;
        var brand = await BrandAsync(album.Request!.WeddingId, cancellationToken);
        foreach (var (recipient, email) in Unsent(album, kind, sent))
        {
            var outcome = record(recipient);
            try
            {
                var token = await AlbumLinks.IssueAsync(store, albumId, "mail", cancellationToken);
                await mailer.SendAsync(compose(recipient, brand, email, options.DownloadUrlOf(albumId, token)), cancellationToken);
            }
            catch (MailException e) when (e.IsPermanent)
            {
                outcome = new MailFailed(recipient, kind, e.Message, clock.GetUtcNow());
            }
            catch (MailException e)
            {
                refusal = ExceptionDispatchInfo.Capture(e); // the job tries this one again; the others do not wait for it
                continue;
            }

            await store.DecideAsync<Album, IAlbumEvent>(
                albumId, state => Unsent(state, kind, sent).Any(to => to.Index == recipient) ? [outcome] : [], cancellationToken);
        }

        refusal?.Throw();
    }

    /// <summary>The last attempt failed: whoever has no mail yet gets none, and the stream says why.</summary>
    internal Task GiveUpAsync(
        Guid albumId, string kind, Func<Album, ImmutableHashSet<int>> sent, Exception error, CancellationToken cancellationToken)
    {
        var reason = error is MailException ? error.Message : error.GetType().Name;
        var now = clock.GetUtcNow();
        return store.DecideAsync<Album, IAlbumEvent>(
            albumId,
            album => [.. Unsent(album, kind, sent).Select(to => new MailFailed(to.Index, kind, reason, now))],
            cancellationToken);
    }

    /// <param name="opening">One sentence without its end.</param>
    /// <param name="closing">One line.</param>
    internal static MailLayout Layout(MailBrand brand, AlbumCompleted zip, string link, string subject, string opening, string closing)
    {
        MailButton[] links = zip.Volumes is not { } volumes
            ? [new("Download the album", link)]
            :
            [
                .. volumes.Select(volume => new MailButton(
                    $"Download part {volume.Number} of {volumes.Count} ({SizeOf(volume.SizeBytes)})", AlbumOffer.UrlOf(link, volume.Number))),
            ];
        var content = zip.Volumes is null
            ? $"{zip.Files} files, {SizeOf(zip.SizeBytes)}, in one ZIP."
            : $"{zip.Files} files, {SizeOf(zip.SizeBytes)}, in {links.Length} ZIPs that are each complete by themselves.";
        string[] missing = zip.Skipped > 0 ? [$"{zip.Skipped} files could not be included; _MISSING.txt in the ZIP names them."] : [];
        return new MailLayout(brand, subject, [$"{opening}."], links, [content, .. missing, closing]);
    }

    private static string SizeOf(long sizeBytes) =>
        sizeBytes < 50_000_000 ? "less than 0.1 GB" : string.Create(CultureInfo.InvariantCulture, $"{sizeBytes / 1e9:0.0} GB");

    internal static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);

    private static IEnumerable<(int Index, string Item)> Unsent(Album album, string kind, Func<Album, ImmutableHashSet<int>> sent) =>
        album.Request!.Emails.Index().Where(to => !sent(album).Contains(to.Index) && !album.MailsFailed.Contains((kind, to.Index)));

    private async Task<MailBrand> BrandAsync(string weddingId, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("select studio, color, logo_url from albums.wedding_brand where wedding_id = $1");
        query.Parameters.Add(new() { Value = weddingId });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        return await rows.ReadAsync(cancellationToken)
            ? new MailBrand(rows.IsDBNull(0) ? null : rows.GetString(0), rows.IsDBNull(1) ? null : rows.GetString(1), rows.IsDBNull(2) ? null : rows.GetString(2))
            : new MailBrand();
    }
}
