using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using Platform;
using Platform.Accounts;
using Platform.Events;
using Platform.Storage;

namespace Host;

/// <summary>
/// <c>/health</c>: the process answers; restart it where it does not. <c>/health/ready</c>: what it needs is there; send it no
/// requests where it is not.
/// </summary>
internal static class Health
{
    private const string Reason = "whoever keeps processes running has no account; it says up or down, and no cause";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    internal static IServiceCollection AddReadiness(this IServiceCollection services)
    {
        services.AddHealthChecks()
            .AddCheck<Database>("database", timeout: Patience)
            .AddCheck<Storage>("storage", timeout: Patience)
            .AddCheck<Readers>("subscriptions", timeout: Patience);
        return services;
    }

    internal static void MapHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapHealthChecks("/health", new HealthCheckOptions { Predicate = _ => false, ResponseWriter = WriteAsync }).OpenToAll(Reason);
        endpoints.MapHealthChecks("/health/ready", new HealthCheckOptions { ResponseWriter = WriteAsync }).OpenToAll(Reason);
    }

    // Causes stay in the log: this page has no login.
    private static Task WriteAsync(HttpContext context, HealthReport report) => context.Response.WriteAsJsonAsync(new
    {
        Status = Word(report.Status),
        Checks = report.Entries.ToDictionary(entry => entry.Key, entry => Word(entry.Value.Status)),
    });

    private static string Word(HealthStatus status) => JsonNamingPolicy.CamelCase.ConvertName(status.ToString());

    private sealed class Database(NpgsqlDataSource database) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            await using var command = database.CreateCommand("select 1");
            await command.ExecuteNonQueryAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
    }

    // Degraded, not unhealthy: one event that cannot be handled makes a list stale, and must not take every node out of service.
    private sealed class Readers(Subscriptions subscriptions) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            var list = await subscriptions.ListAsync(cancellationToken);
            var stopped = list.Where(subscription => subscription.Stopped is not null).Select(subscription => subscription.Name).ToArray();
            return stopped.Length == 0
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Degraded($"Stopped: {string.Join(", ", stopped)}.");
        }
    }

    private sealed class Storage(StorageCheck storage) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                await storage.CheckAsync(cancellationToken);
                return HealthCheckResult.Healthy();
            }
            catch (StartupException error)
            {
                return HealthCheckResult.Unhealthy(error.Message);
            }
        }
    }
}
