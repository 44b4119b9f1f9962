using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;
using Platform.Settings;

namespace Platform.Costs;

/// <summary>What is used is metered into events, priced by the sheet of its time, and shown.</summary>
public static class CostsWiring
{
    /// <summary>Needs events, jobs, accounts and mail. Before what uses the store: what starts first stops last, and records what the others used.</summary>
    /// <param name="work">Whether this process meters the store and looks for alerts.</param>
    public static IServiceCollection AddCosts(this IServiceCollection services, IConfiguration configuration, bool work)
    {
        services.AddUsageLedger();
        services.AddEventTypes(MapEvents);
        services.AddSettings(() => new CostSettings());
        services.AddSingleton(CostOptions.Read(configuration));
        services.AddSingleton(provider => new UsageRecorder(
            provider.GetRequiredService<UsageLedger>(),
            provider.GetRequiredService<EventStore>(),
            provider.GetRequiredService<CostOptions>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<UsageRecorder>>()));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<UsageRecorder>());
        services.AddSubscription<CostsProjection>();
        services.AddSubscription<CostReactions>();
        services.AddJob<SendCostAlert, SendCostAlertHandler>("send_cost_alert");
        services.TryAddSingleton(PublicUrl.Read(configuration));
        services.AddSingleton(provider => new CostQuery(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton(provider => new CostReports(
            provider.GetRequiredService<CostQuery>(),
            provider.GetRequiredService<LiveSettings<CostSettings>>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new WatchCosts(
            provider.GetRequiredService<CostReports>(),
            provider.GetRequiredService<LiveSettings<CostSettings>>(),
            provider.GetRequiredService<EventStore>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<MeterStorage>();
        return work ? services.AddHostedService<CostUpkeep>() : services;
    }

    /// <summary>Adds the ledger that the store's meter writes to. Safe to repeat.</summary>
    public static IServiceCollection AddUsageLedger(this IServiceCollection services)
    {
        if (services.All(service => service.ServiceType != typeof(UsageLedger)))
        {
            services.AddSingleton(provider => new UsageLedger(provider.GetServices<KeyOwner>(), () => Environment.CpuUsage.TotalTime));
        }

        return services;
    }

    /// <summary>Says whose the objects below a prefix are.</summary>
    public static IServiceCollection AddKeyOwner(this IServiceCollection services, string prefix, Func<string, UsageAccount> accountOf) =>
        services.AddUsageLedger().AddSingleton(new KeyOwner(prefix, accountOf));

    /// <summary>Maps <c>/v1/costs</c>.</summary>
    public static void MapCosts(this IEndpointRouteBuilder endpoints) => CostEndpoints.Map(endpoints);

    internal static void MapEvents(EventTypes types) => types
        .Map<UsageMetered>("usage_metered")
        .Map<StorageMetered>("storage_metered")
        .Map<CostAlertRaised>("cost_alert_raised");
}
