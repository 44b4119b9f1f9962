using System.Net.Mail;
using System.Text;
using System.Text.RegularExpressions;
using Albums.Contracts;
using Albums.Sources;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;
using Platform.Webhooks;

namespace Albums;

/// <summary>
/// Asks for one ZIP of a wedding: of the files named, of all objects under a prefix, or else of all completed uploads.
/// Repeating it with the same <c>Idempotency-Key</c> asks once.
/// </summary>
/// <param name="Files">At most 100,000. Their order is the order in the ZIP, but for large files, which come last.</param>
/// <param name="Prefix">Looked at when the album is planned.</param>
/// <param name="MaxVolumeBytes">From 100 MB on: an album that would be larger becomes several ZIPs, each complete by itself.</param>
internal sealed record RequestAlbum(
    string? WeddingId, IReadOnlyList<AlbumFile?>? Files, string? Prefix, AlbumNotification? Notify, long? MaxVolumeBytes = null);

/// <param name="Key">An object of the product's own bucket. Either this or <paramref name="Url"/>.</param>
/// <param name="Url">At one of the hosts that <c>Albums__UrlHosts</c> allows. It may hold a token: nobody gets to see it again.</param>
/// <param name="Name">Its name in the ZIP, folders included; what the guest, or the URL's server, called it where not given.</param>
internal sealed record AlbumFile(string? Key, string? Url, string? Name);

internal sealed record AlbumNotification(IReadOnlyList<string>? Emails, string? WebhookUrl);

internal static partial class RequestAlbumHandler
{
    internal const int MostRequestBytes = 64 << 20; // 100,000 files with keys and names of usual length
    private const int MostEmails = 10;
    private const int MostKeyBytes = 1024; // S3
    private const int MostUrlChars = 4096; // signed ones are long
    private const long LeastVolumeBytes = 100_000_000; // an album of 100 GB has a thousand links then
    private const int MostNameChars = 1024; // as long as a key: beyond 255 bytes a component is cut anyway

    /// <summary>
    /// <c>POST /v1/albums</c>. 202 with the album's status and its <c>Location</c>; 400 <c>INVALID_WEDDING_ID</c>, <c>INVALID_FILE</c>,
    /// <c>INVALID_EMAIL</c>, <c>INVALID_VOLUME_SIZE</c>, <c>INVALID_WEBHOOK_URL</c>, <c>WEBHOOKS_DISABLED</c>; 409 <c>ALBUM_EMPTY</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder albums) =>
        albums.MapPost("/", PostAsync)
            .WithMetadata(new RequestSizeLimitAttribute(MostRequestBytes))
            .RequireAllWeddings(); // it may name any file of the store

    internal static async Task<Accepted<AlbumView>> PostAsync(
        RequestAlbum command,
        [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey,
        EventStore store,
        AlbumContents contents,
        UrlSource urls,
        WebhookSender webhooks,
        TimeProvider clock,
        CancellationToken cancellationToken)
    {
        var requested = Checked(command, urls, clock.GetUtcNow());
        if (requested.WebhookUrl is { } url)
        {
            webhooks.Demand(url);
        }

        if (await contents.IsEmptyAsync(requested, cancellationToken))
        {
            throw new CommandRefusedException("ALBUM_EMPTY", "There is no file to put into this album yet. Upload some first.");
        }

        var (albumId, album) = idempotencyKey is null
            ? await RequestAsync(store, requested, cancellationToken)
            : await AlbumOrder.PlaceAsync(
                store,
                AlbumOrder.IdOf(requested.WeddingId, idempotencyKey),
                requested,
                stands: present => present.Status is not AlbumStatus.Unknown,
                cancellationToken);
        return TypedResults.Accepted($"/v1/albums/{albumId}", AlbumView.Of(albumId, album, requested.At));
    }

    private static async Task<(Guid AlbumId, Album Album)> RequestAsync(
        EventStore store, AlbumRequested requested, CancellationToken cancellationToken)
    {
        var albumId = Guid.CreateVersion7();
        var album = await store.DecideAsync<Album, IAlbumEvent>(albumId, state => Decide(state, requested), cancellationToken);
        return (albumId, album.State);
    }

    internal static IReadOnlyList<IAlbumEvent> Decide(Album album, AlbumRequested requested) =>
        album.Status is AlbumStatus.Unknown ? [requested] : [];

    internal static AlbumRequested Checked(RequestAlbum command, UrlSource urls, DateTimeOffset now)
    {
        Refuse.If(!WeddingId().IsMatch(command.WeddingId ?? ""), "INVALID_WEDDING_ID", "weddingId must be 1 to 64 letters, digits, '-' or '_'.");
        Refuse.If(command.Files is { Count: 0 }, "ALBUM_EMPTY", "An album of no files was asked for. Leave files out to take all uploads of the wedding.");
        Refuse.If(command.Files?.Count > AlbumContents.MostFiles, "INVALID_FILE", $"An album holds at most {AlbumContents.MostFiles:N0} files.");
        foreach (var file in command.Files ?? [])
        {
            Refuse.If(file is null, "INVALID_FILE", "A file must be an object with a key or a url.");
            Refuse.If(file is { Key: not null, Url: not null }, "INVALID_FILE", "A file has a key or a url, not both.");
            if (file!.Url is { } url)
            {
                Refuse.If(
                    url.Length > MostUrlChars || !Uri.TryCreate(url, UriKind.Absolute, out var address) || !urls.Accepts(address),
                    "INVALID_FILE",
                    $"A url must be https, have at most {MostUrlChars} characters and no user, and be at a host that this server takes files from.");
            }
            else
            {
                RefuseUnlessOurs(file.Key, "key");
            }

            Refuse.If(
                file.Name is { } name && (name.Length > MostNameChars || name.Contains('\0', StringComparison.Ordinal)),
                "INVALID_FILE",
                $"A name must have at most {MostNameChars} characters, none of them U+0000.");
        }

        if (command.Prefix is not null)
        {
            RefuseUnlessOurs(command.Prefix, "prefix");
            Refuse.If(
                AlbumContents.OwnFolder.StartsWith(command.Prefix, StringComparison.Ordinal),
                "INVALID_FILE",
                $"The prefix is that of '{AlbumContents.OwnFolder}', too: make it longer.");
        }

        var emails = command.Notify?.Emails ?? [];
        Refuse.If(emails.Count > MostEmails, "INVALID_EMAIL", $"At most {MostEmails} addresses are notified.");
        Refuse.If(
            emails.Any(email => !MailAddress.TryCreate(email, out var address) || address.Address != email || email.Any(c => c is ',' || char.IsControl(c))),
            "INVALID_EMAIL",
            "One of the addresses to notify is not an e-mail address.");
        Refuse.If(command.MaxVolumeBytes < LeastVolumeBytes, "INVALID_VOLUME_SIZE", $"maxVolumeBytes must be at least {LeastVolumeBytes:N0}.");
        return new AlbumRequested(
            command.WeddingId!,
            [.. (command.Files ?? []).Select(file => new RequestedFile(file!.Key, file.Name, file.Url))],
            command.Prefix,
            emails,
            now,
            command.Notify?.WebhookUrl,
            command.MaxVolumeBytes);
    }

    // Plans and finished ZIPs stand under albums/: an album of albums would hand out what others asked for.
    private static void RefuseUnlessOurs(string? key, string what) => Refuse.If(
        string.IsNullOrEmpty(key)
            || Encoding.UTF8.GetByteCount(key) > MostKeyBytes
            || key.Any(char.IsControl)
            || key.StartsWith(AlbumContents.OwnFolder, StringComparison.Ordinal),
        "INVALID_FILE",
        $"A {what} must have 1 to {MostKeyBytes} bytes, no control characters, and not begin with '{AlbumContents.OwnFolder}'.");

    [GeneratedRegex("^[A-Za-z0-9_-]{1,64}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex WeddingId();

    private static class Refuse
    {
        internal static void If(bool broken, string code, string detail)
        {
            if (broken)
            {
                throw new CommandRefusedException(code, detail);
            }
        }
    }
}
