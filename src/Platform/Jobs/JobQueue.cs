using Npgsql;
using Quartz;

namespace Platform.Jobs;

/// <summary>
/// Queues commands for the workers. A name is queued once, however often it is asked for: while it waits, runs, waits for a retry or is
/// being recovered from a crashed node, asking again changes nothing. A name whose job has ended may be queued anew.
/// </summary>
public sealed class JobQueue
{
    private readonly JobNode node;
    private readonly JobKinds kinds;
    private readonly NpgsqlDataSource database;
    private readonly TimeProvider clock;

    internal JobQueue(JobNode node, JobKinds kinds, NpgsqlDataSource database, TimeProvider clock) =>
        (this.node, this.kinds, this.database, this.clock) = (node, kinds, database, clock);

    /// <summary>
    /// Queues a command when <paramref name="transaction"/> commits. Call it late: from here to the commit the transaction holds the lock
    /// under which all nodes hand out jobs.
    /// </summary>
    /// <param name="name">Unique to the cause, e.g. <c>zip_album/{id}/{version of the event that asked for it}</c>.</param>
    public async Task EnqueueAsync<TCommand>(
        string name, TCommand command, NpgsqlTransaction transaction, CancellationToken cancellationToken)
        where TCommand : notnull
    {
        var scheduler = await node.SchedulerAsync(cancellationToken);
        using var enlisted = scheduler.EnlistTransaction(transaction);
        await EnqueueAsync(scheduler, name, command, cancellationToken);
    }

    /// <summary>Queues a command at once.</summary>
    /// <inheritdoc cref="EnqueueAsync{TCommand}(string, TCommand, NpgsqlTransaction, CancellationToken)"/>
    public async Task EnqueueAsync<TCommand>(string name, TCommand command, CancellationToken cancellationToken)
        where TCommand : notnull =>
        await EnqueueAsync(await node.SchedulerAsync(cancellationToken), name, command, cancellationToken);

    /// <summary>Whether a heavy job is due and no node has a place for it.</summary>
    internal async Task<bool> HeavyJobsWaitAsync(CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select exists (select from quartz.qrtz_triggers where execution_group = $1 and trigger_state = 'WAITING' and next_fire_time <= $2)
            """);
        query.Parameters.Add(new() { Value = QueuedCommand.HeavyJobs });
        query.Parameters.Add(new() { Value = clock.GetUtcNow().UtcTicks });
        return await query.ExecuteScalarAsync(cancellationToken) is true;
    }

    // The job row, not the trigger, stands for the name: a trigger is gone from the moment it fires, and a recovered one has another name.
    private async Task EnqueueAsync<TCommand>(IScheduler scheduler, string name, TCommand command, CancellationToken cancellationToken)
        where TCommand : notnull
    {
        var kind = kinds[typeof(TCommand)];
        var job = QueuedCommand.Job(new JobKey(name), kind, JobKind.Write(command));
        try
        {
            var now = QueuedCommand.Trigger(job.Key, kind.Lane, attempt: 1, clock.GetUtcNow());
            await scheduler.ScheduleJob(job, now, cancellationToken: cancellationToken);
        }
        catch (ObjectAlreadyExistsException)
        {
        }
    }
}
