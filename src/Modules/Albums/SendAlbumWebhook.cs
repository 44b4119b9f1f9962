using Albums.Contracts;
using Platform.Events;
using Platform.Jobs;
using Platform.Webhooks;

namespace Albums;

/// <summary>
/// Tells the receiver that the request named how an album ended: completed, failed, cancelled or deleted. Safe to repeat; what a crash sends twice
/// carries the same id.
/// </summary>
/// <param name="Version">Of the event that ended it.</param>
internal sealed record SendAlbumWebhook(Guid AlbumId, long Version);

/// <param name="Files">Entries of the ZIP, without <c>_MISSING.txt</c>. Like the sizes <see langword="null"/> unless it is complete.</param>
/// <param name="DownloadUrl">Absolute; of several volumes the first.</param>
/// <param name="Volumes">Where the album is several ZIPs; else <see langword="null"/>.</param>
internal sealed record SettledAlbum(
    Guid AlbumId,
    string WeddingId,
    AlbumStatus Status,
    int? Files = null,
    int? MissingFiles = null,
    long? SizeBytes = null,
    string? DownloadUrl = null,
    AlbumFailure? Failure = null,
    IReadOnlyList<AlbumVolumeView>? Volumes = null);

internal sealed class SendAlbumWebhookHandler(EventStore store, WebhookSender webhooks, AlbumOptions options) : IJob<SendAlbumWebhook>
{
    internal static string SubjectOf(Guid albumId) => $"{Album.Category}-{albumId}";

    public Task RunAsync(SendAlbumWebhook command, CancellationToken cancellationToken) => webhooks.DeliverAsync(
        SubjectOf(command.AlbumId),
        cancel => ComposeAsync(store, options, command.AlbumId, command.Version, cancel),
        cancellationToken);

    public Task GaveUpAsync(SendAlbumWebhook command, Exception error, CancellationToken cancellationToken) =>
        webhooks.GiveUpAsync(SubjectOf(command.AlbumId), WebhookMessage.IdOf(command.AlbumId, command.Version), cancellationToken);

    /// <summary>The message; <see langword="null"/> where nobody is to be told, or the event is none that ends an album.</summary>
    internal static async Task<WebhookMessage?> ComposeAsync(
        EventStore store, AlbumOptions options, Guid albumId, long version, CancellationToken cancellationToken)
    {
        var request = (await store.FoldAsync<Album, IAlbumEvent>(albumId, cancellationToken)).State.Request;
        if (request?.WebhookUrl is not { } url)
        {
            return null;
        }

        await foreach (var e in store.ReadAsync(SubjectOf(albumId), version, cancellationToken))
        {
            return MessageOf(e.Payload, new SettledAlbum(albumId, request.WeddingId, AlbumStatus.Unknown), options) is var (type, at, album)
                ? new WebhookMessage(WebhookMessage.IdOf(albumId, version), type, new Uri(url), at, album)
                : null;
        }

        return null;
    }

    private static (string Type, DateTimeOffset At, SettledAlbum Album)? MessageOf(object ending, SettledAlbum album, AlbumOptions options) => ending switch
    {
        AlbumCompleted zip => ("album.completed", zip.At, album with
        {
            Status = AlbumStatus.Completed,
            Files = zip.Files,
            MissingFiles = zip.Skipped,
            SizeBytes = zip.SizeBytes,
            DownloadUrl = zip.Volumes is null ? options.DownloadUrlOf(album.AlbumId) : AlbumOffer.UrlOf(options.DownloadUrlOf(album.AlbumId), volume: 1),
            Volumes = zip.Volumes is null ? null :
            [
                .. zip.Volumes.Select(volume => new AlbumVolumeView(
                    volume.Number, volume.SizeBytes, IsComplete: true, AlbumOffer.UrlOf(options.DownloadUrlOf(album.AlbumId), volume.Number))),
            ],
        }),
        AlbumFailed failed => ("album.failed", failed.At, album with
        {
            Status = AlbumStatus.Failed,
            Failure = new AlbumFailure(failed.Reason, failed.Detail),
        }),
        AlbumCancelled cancelled => ("album.cancelled", cancelled.At, album with { Status = AlbumStatus.Cancelled }),
        AlbumDeleted deleted => ("album.deleted", deleted.At, album with { Status = AlbumStatus.Deleted }),
        _ => null,
    };
}
