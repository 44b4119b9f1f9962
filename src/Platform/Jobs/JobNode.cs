using Microsoft.Extensions.Hosting;
using Npgsql;
using Quartz;

namespace Platform.Jobs;

/// <summary>
/// This process as a node of the cluster: makes the tables, takes jobs where it is a worker, and hands them back when it stops.
/// </summary>
internal sealed class JobNode(ISchedulerFactory schedulers, NpgsqlDataSource database, JobOptions options)
    : IHostedLifecycleService, IAsyncDisposable
{
    // Any number that nothing else locks in this database: "quartz" in ASCII.
    private const string LockSchemaSql = "select pg_advisory_lock(124748960003194); create schema if not exists quartz";
    private const string UnlockSchemaSql = "select pg_advisory_unlock(124748960003194)";

    private readonly Lazy<Task<IScheduler>> scheduler = new(() => CreateAsync(schedulers, database));
    private readonly Lock gate = new();
    private Task? stopped;

    /// <summary>The scheduler, able to queue. It runs jobs only once a worker has started.</summary>
    internal Task<IScheduler> SchedulerAsync(CancellationToken cancellationToken) => scheduler.Value.WaitAsync(cancellationToken);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => SchedulerAsync(cancellationToken);

    /// <summary>Takes jobs only now that everything else has started, and the host will not end with an error any more.</summary>
    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        if (options.Work)
        {
            var created = await SchedulerAsync(cancellationToken);
            await created.Start(cancellationToken);
        }
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Cancels what runs and waits for it to end; Quartz hands each job back to the cluster as it completes.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        // Once for all who ask: a second one that came back at once would go on to dispose what the first still needs.
        lock (gate)
        {
            return stopped ??= ShutDownAsync(cancellationToken);
        }
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // A host whose start failed is disposed without being stopped.
    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None);

    private async Task ShutDownAsync(CancellationToken cancellationToken)
    {
        if (scheduler is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            var created = await SchedulerAsync(CancellationToken.None);
            await created.Shutdown(waitForJobsToComplete: true, cancellationToken);
        }
    }

    /// <summary>Nodes that start together on an empty database make the tables one after the other.</summary>
    private static async Task<IScheduler> CreateAsync(ISchedulerFactory schedulers, NpgsqlDataSource database)
    {
        await using var connection = await database.OpenConnectionAsync();
        await using var command = new NpgsqlCommand(LockSchemaSql, connection);
        await command.ExecuteNonQueryAsync();
        try
        {
            return await schedulers.GetScheduler();
        }
        finally
        {
            command.CommandText = UnlockSchemaSql;
            await command.ExecuteNonQueryAsync();
        }
    }
}
