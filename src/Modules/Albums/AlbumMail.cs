using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.ExceptionServices;
using Albums.Contracts;
using Microsoft.Extensions.Localization;
using Npgsql;
using Platform.Events;
using Platform.Languages;
using Platform.Mail;

namespace Albums;

/// <summary>
/// Mails to everybody whom an album's request named. Who got one gets no other for the same cause, and one that a crash made go out twice
/// carries the same Message-ID. A mailbox that refuses for good is recorded, and not tried again unless somebody asks for it.
/// </summary>
internal sealed class AlbumMail(
    EventStore store, IMailer mailer, IStringLocalizer<Texts> texts, AlbumOptions options, NpgsqlDataSource database, TimeProvider clock)
{
    /// <param name="kind">What is sent, as in <c>link</c>.</param>
    /// <param name="sent">Recipients that the stream says to have it.</param>
    /// <param name="compose">While the language of the wedding is spoken.</param>
    /// <param name="record">What the stream shall say of one more.</param>
    /// <exception cref="MailException">For one of them at least it was refused for now; the others have it.</exception>
    internal async Task SendAsync(
        Guid albumId,
        Album album,
        string kind,
        Func<Album, ImmutableHashSet<int>> sent,
        Func<AlbumReader, Mail> compose,
        Func<int, IAlbumEvent> record,
        CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? refusal = null;
        var (brand, zone) = await WeddingAsync(album.Request!.WeddingId, cancellationToken);
        foreach (var (recipient, email) in Unsent(album, kind, sent))
        {
            var outcome = record(recipient);
            try
            {
                var token = await AlbumLinks.IssueAsync(store, albumId, "mail", cancellationToken);
                var mail = Compose(new AlbumReader(recipient, email, options.DownloadUrlOf(albumId, token), brand, zone));
                await mailer.SendAsync(mail, cancellationToken);
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

        Mail Compose(AlbumReader reader)
        {
            using var spoken = Language.Speak(brand.Language);
            return compose(reader);
        }
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

    /// <summary>In the language that is spoken.</summary>
    /// <param name="opening">One paragraph.</param>
    /// <param name="closing">One paragraph.</param>
    internal MailLayout Layout(AlbumReader reader, AlbumCompleted zip, string subject, string opening, string closing)
    {
        MailButton[] links = zip.Volumes is not { } volumes
            ? [new(texts["AlbumMail.Download"], reader.Link)]
            :
            [
                .. volumes.Select(volume => new MailButton(
                    texts["AlbumMail.DownloadPart", volume.Number, volumes.Count, SizeOf(volume.SizeBytes)], AlbumOffer.UrlOf(reader.Link, volume.Number))),
            ];
        var content = zip.Volumes is null
            ? texts.Count("AlbumMail.Content", zip.Files, SizeOf(zip.SizeBytes))
            : texts.Count("AlbumMail.ContentOfParts", zip.Files, SizeOf(zip.SizeBytes), links.Length);
        string[] missing = zip.Skipped > 0 ? [texts.Count("AlbumMail.Missing", zip.Skipped)] : [];
        var brand = reader.Brand with { Studio = reader.Brand.Studio ?? texts["Mail.Studio"] };
        return new MailLayout(brand, subject, [opening], links, [content, .. missing, closing]);
    }

    private string SizeOf(long sizeBytes) =>
        sizeBytes < 50_000_000 ? texts["AlbumMail.SmallSize", 0.1] : string.Create(CultureInfo.CurrentCulture, $"{sizeBytes / 1e9:0.0} GB");

    private static IEnumerable<(int Index, string Item)> Unsent(Album album, string kind, Func<Album, ImmutableHashSet<int>> sent) =>
        album.Request!.Emails.Index().Where(to => !sent(album).Contains(to.Index) && !album.MailsFailed.Contains((kind, to.Index)));

    private async Task<(MailBrand Brand, TimeZoneInfo Zone)> WeddingAsync(string weddingId, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("select studio, color, logo_url, language, time_zone from albums.wedding_brand where wedding_id = $1");
        query.Parameters.Add(new() { Value = weddingId });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        return await rows.ReadAsync(cancellationToken)
            ? (new MailBrand(Text(0), Text(1), Text(2), Text(3)), Text(4) is { } zone ? TimeZoneInfo.FindSystemTimeZoneById(zone) : TimeZoneInfo.Utc)
            : (new MailBrand(), TimeZoneInfo.Utc);

        string? Text(int column) => rows.IsDBNull(column) ? null : rows.GetString(column);
    }
}

/// <summary>Somebody who gets a mail about an album.</summary>
/// <param name="Recipient">Counts the addresses of the request.</param>
/// <param name="Link">Of their own.</param>
/// <param name="Zone">Of the wedding.</param>
internal sealed record AlbumReader(int Recipient, string Email, string Link, MailBrand Brand, TimeZoneInfo Zone)
{
    /// <summary>As it is where the wedding is, and written as in the language that is spoken.</summary>
    internal string DayOf(DateTimeOffset at) => TimeZoneInfo.ConvertTime(at, Zone).ToString("D", CultureInfo.CurrentCulture);
}
