using Microsoft.Extensions.Configuration;
using Platform;
using Platform.Events;
using Platform.Jobs;
using Platform.Webhooks;
using Uploads.Contracts;

namespace Uploads;

/// <summary>Tells the receiver of this deployment that an upload is complete. Safe to repeat; what a crash sends twice carries the same id.</summary>
/// <param name="Version">Of the event that completed it.</param>
internal sealed record SendUploadWebhook(Guid UploadId, long Version);

/// <param name="Crc32">Of the whole file, eight hex digits.</param>
internal sealed record UploadedFile(
    Guid UploadId,
    string? WeddingId,
    string Key,
    string FileName,
    string ContentType,
    long SizeBytes,
    string Crc32,
    UploadedMedia? Media,
    DateTimeOffset CompletedAt);

/// <summary>Where uploads are told of. It may have a token in it, so it stands in the configuration and not among the settings that anybody may read.</summary>
/// <param name="Url"><see langword="null"/> where nobody is told.</param>
internal sealed record UploadWebhookOptions(Uri? Url)
{
    /// <exception cref="StartupException">Nothing would ever be sent there.</exception>
    public static UploadWebhookOptions Read(IConfiguration configuration, WebhookSender webhooks)
    {
        if (configuration["Uploads:WebhookUrl"] is not { Length: > 0 } url)
        {
            return new UploadWebhookOptions(Url: null);
        }

        try
        {
            webhooks.Demand(url);
            return new UploadWebhookOptions(new Uri(url));
        }
        catch (CommandRefusedException e)
        {
            throw new StartupException($"Uploads__WebhookUrl cannot be used: {e.Message}", e);
        }
    }
}

internal sealed class SendUploadWebhookHandler(EventStore events, WebhookSender webhooks, UploadWebhookOptions options) : IJob<SendUploadWebhook>
{
    public Task RunAsync(SendUploadWebhook command, CancellationToken cancellationToken) => webhooks.DeliverAsync(
        SubjectOf(command.UploadId),
        cancel => ComposeAsync(events, options, command.UploadId, command.Version, cancel),
        cancellationToken);

    public Task GaveUpAsync(SendUploadWebhook command, Exception error, CancellationToken cancellationToken) =>
        webhooks.GiveUpAsync(SubjectOf(command.UploadId), WebhookMessage.IdOf(command.UploadId, command.Version), cancellationToken);

    internal static string SubjectOf(Guid uploadId) => $"{Upload.Category}-{uploadId}";

    /// <summary>The message; <see langword="null"/> where nobody is to be told, or the event is not the one that completes the upload.</summary>
    internal static async Task<WebhookMessage?> ComposeAsync(
        EventStore events, UploadWebhookOptions options, Guid uploadId, long version, CancellationToken cancellationToken)
    {
        var e = await events.ReadAsync(SubjectOf(uploadId), version, cancellationToken).FirstOrDefaultAsync(cancellationToken);
        return options.Url is { } url && e?.Payload is UploadCompleted file
            ? new WebhookMessage(
                WebhookMessage.IdOf(uploadId, version),
                "upload.completed",
                url,
                file.CompletedAt,
                new UploadedFile(
                    file.UploadId,
                    file.WeddingId,
                    file.Key,
                    file.FileName,
                    file.ContentType,
                    file.SizeBytes,
                    Hex.Of(file.Crc32),
                    file.Media,
                    file.CompletedAt))
            : null;
    }
}
