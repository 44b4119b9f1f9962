using Microsoft.Extensions.Configuration;
using Npgsql;
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
    public Task RunAsync(SendUploadWebhook command, CancellationToken cancellationToken) =>
        webhooks.DeliverAsync(SubjectOf(command), cancel => ComposeAsync(command, cancel), cancellationToken);

    public Task GaveUpAsync(SendUploadWebhook command, Exception error, CancellationToken cancellationToken) =>
        webhooks.GiveUpAsync(SubjectOf(command), WebhookMessage.IdOf(command.UploadId, command.Version), cancellationToken);

    private static string SubjectOf(SendUploadWebhook command) => $"{Upload.Category}-{command.UploadId}";

    private async Task<WebhookMessage?> ComposeAsync(SendUploadWebhook command, CancellationToken cancellationToken)
    {
        var upload = (await events.FoldAsync<Upload, IUploadEvent>(command.UploadId, cancellationToken)).State;
        return options.Url is { } url && upload.Result is { } file
            ? new WebhookMessage(
                WebhookMessage.IdOf(command.UploadId, command.Version),
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

/// <summary>Queues a message for each upload that completes. Those that completed while there was no receiver are not told later.</summary>
internal sealed class UploadReactions(JobQueue jobs, UploadWebhookOptions options) : ISubscription
{
    public string Name => "upload_reactions";

    public IReadOnlyCollection<Type> Handles { get; } = [typeof(UploadCompleted)];

    public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        var completed = (UploadCompleted)e.Payload;
        return options.Url is null
            ? Task.CompletedTask
            : jobs.EnqueueAsync(
                $"send_upload_webhook/{completed.UploadId}/{e.Version}",
                new SendUploadWebhook(completed.UploadId, e.Version),
                transaction,
                cancellationToken);
    }
}
