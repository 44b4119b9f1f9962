using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;
using Platform.Jobs;
using Platform.Webhooks;

namespace Albums;

/// <summary>What became of the messages about an album, and once more.</summary>
internal static class AlbumWebhooks
{
    /// <summary>
    /// <c>GET /v1/albums/{id}/webhooks</c>: the messages, the newest first; 404 <c>ALBUM_NOT_FOUND</c>.
    /// <c>POST /v1/albums/{id}/webhooks/{webhookId}/redeliver</c>: 202; 404 <c>WEBHOOK_NOT_FOUND</c>, also for progress, which is over.
    /// </summary>
    internal static void Map(RouteGroupBuilder albums)
    {
        albums.MapGet("/{id}/webhooks", GetAsync).RequireAllWeddings();
        albums.MapPost("/{id}/webhooks/{webhookId}/redeliver", RedeliverAsync).RequireAllWeddings();
    }

    private static async Task<Ok<Page>> GetAsync(Guid id, EventStore store, WebhookSender webhooks, CancellationToken cancellationToken)
    {
        (await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken)).State.OrNotFound(id);
        return TypedResults.Ok(new Page(await webhooks.ListAsync(SendAlbumWebhookHandler.SubjectOf(id), cancellationToken)));
    }

    private static async Task<Accepted> RedeliverAsync(
        Guid id,
        string webhookId,
        HttpContext http,
        EventStore store,
        WebhookSender webhooks,
        AlbumOptions options,
        JobQueue jobs,
        CancellationToken cancellationToken)
    {
        (await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken)).State.OrNotFound(id);
        if (WebhookMessage.VersionOf(webhookId, id) is not { } version
            || await SendAlbumWebhookHandler.ComposeAsync(store, options, id, version, cancellationToken) is null)
        {
            throw new CommandRefusedException("WEBHOOK_NOT_FOUND", $"There is no message {webhookId} about how this album ended.");
        }

        var by = http.User.NameOrAnonymous();
        var request = await webhooks.RequestRedeliveryAsync(SendAlbumWebhookHandler.SubjectOf(id), webhookId, by, cancellationToken);
        await jobs.EnqueueAsync($"send_album_webhook/{id}/{version}/{request}", new SendAlbumWebhook(id, version), cancellationToken);
        return TypedResults.Accepted(new Uri($"/v1/albums/{id}/webhooks", UriKind.Relative));
    }

    private sealed record Page(IReadOnlyList<WebhookDelivery> Messages);
}
