using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;
using Platform.Jobs;
using Platform.Webhooks;

namespace Uploads;

/// <summary>What became of the message about an upload, and once more.</summary>
internal static class UploadWebhooks
{
    /// <summary>
    /// <c>GET /v1/uploads/{id}/webhooks</c>: the messages, the newest first; 404 <c>UPLOAD_NOT_FOUND</c>.
    /// <c>POST /v1/uploads/{id}/webhooks/{webhookId}/redeliver</c>: 202; 404 <c>WEBHOOK_NOT_FOUND</c>, also where nobody is told any more.
    /// </summary>
    internal static void Map(RouteGroupBuilder uploads)
    {
        uploads.MapGet("/{id}/webhooks", GetAsync).RequireAllWeddings();
        uploads.MapPost("/{id}/webhooks/{webhookId}/redeliver", RedeliverAsync).RequireAllWeddings();
    }

    private static async Task<Ok<Page>> GetAsync(string id, EventStore events, WebhookSender webhooks, CancellationToken cancellationToken)
    {
        var uploadId = await ExistingAsync(id, events, cancellationToken);
        return TypedResults.Ok(new Page(await webhooks.ListAsync(SendUploadWebhookHandler.SubjectOf(uploadId), cancellationToken)));
    }

    private static async Task<Accepted> RedeliverAsync(
        string id,
        string webhookId,
        HttpContext http,
        EventStore events,
        WebhookSender webhooks,
        UploadWebhookOptions options,
        JobQueue jobs,
        CancellationToken cancellationToken)
    {
        var uploadId = await ExistingAsync(id, events, cancellationToken);
        if (WebhookMessage.VersionOf(webhookId, uploadId) is not { } version
            || await SendUploadWebhookHandler.ComposeAsync(events, options, uploadId, version, cancellationToken) is null)
        {
            throw new CommandRefusedException("WEBHOOK_NOT_FOUND", $"There is no message {webhookId} about this upload.");
        }

        var by = http.User.NameOrAnonymous();
        var request = await webhooks.RequestRedeliveryAsync(SendUploadWebhookHandler.SubjectOf(uploadId), webhookId, by, cancellationToken);
        await jobs.EnqueueAsync($"send_upload_webhook/{uploadId}/{version}/{request}", new SendUploadWebhook(uploadId, version), cancellationToken);
        return TypedResults.Accepted(new Uri($"/v1/uploads/{uploadId}/webhooks", UriKind.Relative));
    }

    private static async Task<Guid> ExistingAsync(string id, EventStore events, CancellationToken cancellationToken) =>
        (await events.FoldAsync<Upload, IUploadEvent>(UploadErrors.ParseId(id), cancellationToken)).State.Session.UploadId;

    private sealed record Page(IReadOnlyList<WebhookDelivery> Messages);
}
