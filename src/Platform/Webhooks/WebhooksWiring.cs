using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Npgsql;
using Platform.Events;
using Platform.Http;

namespace Platform.Webhooks;

public static class WebhooksWiring
{
    /// <summary>
    /// Adds <see cref="WebhookSender"/>. Settings <c>Webhooks__Secret</c>, without which none are sent, <c>Webhooks__PreviousSecret</c> and
    /// <c>Webhooks__ProgressInterval</c>.
    /// </summary>
    public static IServiceCollection AddWebhooks(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddOutboundHttp(configuration);
        services.AddErrorCodes(("INVALID_WEBHOOK_URL", 400), ("WEBHOOKS_DISABLED", 400), ("WEBHOOK_NOT_FOUND", 404));
        services.AddEventTypes(MapEvents);
        services.AddSingleton(WebhookOptions.Read(configuration));
        return services.AddSingleton(provider => new WebhookSender(
            provider.GetRequiredService<WebhookOptions>(),
            provider.GetRequiredService<OutboundHttp>(),
            provider.GetRequiredService<EventStore>(),
            provider.GetRequiredService<NpgsqlDataSource>(),
            provider.GetRequiredService<IOptions<JsonOptions>>(),
            provider.GetRequiredService<TimeProvider>()));
    }

    internal static void MapEvents(EventTypes types) => types
        .Map<WebhookAttempted>("webhook_attempted")
        .Map<WebhookGivenUp>("webhook_given_up")
        .Map<WebhookRedeliveryRequested>("webhook_redelivery_requested");
}
