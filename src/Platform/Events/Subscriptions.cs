using Npgsql;

namespace Platform.Events;

/// <summary>What an admin sees of the subscriptions and may do about them. Works on every node, wherever a subscription runs.</summary>
public sealed class Subscriptions
{
    private static readonly TimeSpan ShortestPoll = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPoll = TimeSpan.FromMilliseconds(250);

    private readonly NpgsqlDataSource database;
    private readonly EventStore store;
    private readonly LogReader log;
    private readonly Dictionary<string, ISubscription> all;

    internal Subscriptions(NpgsqlDataSource database, EventStore store, LogReader log, IEnumerable<ISubscription> all)
    {
        this.database = database;
        this.store = store;
        this.log = log;
        this.all = all.ToDictionary(subscription => subscription.Name);
    }

    /// <summary>Every subscription that ever ran on this database, by name.</summary>
    public async Task<IReadOnlyList<SubscriptionStatus>> ListAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("""
            select s.name, s.transaction_id, s.seq_id, s.updated_at,
                case when exists (select from mt_events e where (e.transaction_id, e.seq_id) > (s.transaction_id, s.seq_id))
                    then greatest(1, (select max(seq_id) from mt_events) - s.seq_id) else 0 end,
                s.error, e.id, e.stream_id, e.version, e.type
            from platform.subscription s left join mt_events e on e.seq_id = s.error_seq_id
            order by s.name
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var list = new List<SubscriptionStatus>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var stopped = reader.IsDBNull(5) || reader.IsDBNull(6)
                ? null
                : new StoppedAt(reader.GetString(5), reader.GetGuid(6), reader.GetString(7), reader.GetInt64(8), reader.GetString(9));
            var position = new LogPosition(reader.GetFieldValue<ulong>(1), reader.GetInt64(2));
            list.Add(new(reader.GetString(0), position, reader.GetInt64(4), reader.GetFieldValue<DateTimeOffset>(3), stopped));
        }

        return list;
    }

    /// <summary>Whether it fills tables of its own and does nothing beside, so that <see cref="RebuildAsync"/> may run it anew.</summary>
    public bool IsRebuildable(string name) => all.GetValueOrDefault(name) is IProjection;

    /// <summary>Lets a stopped subscription try its event again. The decision is recorded.</summary>
    /// <exception cref="CommandRefusedException"><c>SUBSCRIPTION_NOT_STOPPED</c>: it runs, or there is none of that name.</exception>
    public Task RetryAsync(string name, string by, CancellationToken cancellationToken) =>
        DecideAsync(name, "retry", by, reason: null, cancellationToken);

    /// <summary>Lets a stopped subscription go on behind the event it failed on. The decision is recorded, and a rebuild keeps to it.</summary>
    /// <exception cref="CommandRefusedException"><c>SUBSCRIPTION_NOT_STOPPED</c>: it runs, or there is none of that name.</exception>
    public Task PassAsync(string name, string by, string reason, CancellationToken cancellationToken) =>
        DecideAsync(name, "pass", by, reason, cancellationToken);

    /// <summary>
    /// Fills a projection anew from position 0, in a schema beside the one that serves, and puts it in place in one transaction once it has
    /// seen the whole log. Returns then; cut off, it leaves everything as it was. A long one belongs into a job.
    /// </summary>
    /// <exception cref="CommandRefusedException"><c>SUBSCRIPTION_UNKNOWN</c>, <c>SUBSCRIPTION_NOT_REBUILDABLE</c>, <c>REBUILD_RUNNING</c>.</exception>
    /// <exception cref="SubscriptionStoppedException">It failed on an event that nobody decided to pass.</exception>
    public async Task RebuildAsync(string name, CancellationToken cancellationToken)
    {
        var projection = all.GetValueOrDefault(name) switch
        {
            IProjection found => found,
            null => throw new CommandRefusedException("SUBSCRIPTION_UNKNOWN", $"There is no subscription {name}."),
            _ => throw new CommandRefusedException("SUBSCRIPTION_NOT_REBUILDABLE", $"Subscription {name} does more than fill tables of its own."),
        };
        await new ProjectionRebuild(projection, log).RunAsync(database, cancellationToken);
        store.Signals.Appended(LogSignals.Subscriptions);
    }

    /// <summary>Returns once the subscription has seen everything up to <paramref name="position"/>.</summary>
    /// <exception cref="SubscriptionStoppedException">It stands still before that.</exception>
    /// <exception cref="CommandRefusedException"><c>SUBSCRIPTION_UNKNOWN</c>.</exception>
    public async Task WaitForAsync(string name, LogPosition position, CancellationToken cancellationToken)
    {
        var table = new SubscriptionTable(name);
        for (var pause = ShortestPoll; ; pause = pause * 2 < LongestPoll ? pause * 2 : LongestPoll)
        {
            await using (var connection = await database.OpenConnectionAsync(cancellationToken))
            {
                var (seen, error) = await table.ReadAsync(connection, cancellationToken);
                if (seen >= position)
                {
                    return;
                }

                if (error is not null)
                {
                    throw new SubscriptionStoppedException(name, error);
                }
            }

            // Where nothing of it is of its types, it would look the next time it polls.
            store.Signals.Appended(LogSignals.Subscriptions);
            await Task.Delay(pause, cancellationToken);
        }
    }

    /// <summary>Returns once the subscription has seen everything that was committed before this call: its tables then hold it.</summary>
    /// <inheritdoc cref="WaitForAsync"/>
    public async Task CatchUpAsync(string name, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            "select transaction_id, seq_id from mt_events order by transaction_id desc, seq_id desc limit 1");
        var last = default(LogPosition);
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            if (await reader.ReadAsync(cancellationToken))
            {
                last = new LogPosition(reader.GetFieldValue<ulong>(0), reader.GetInt64(1));
            }
        }

        await WaitForAsync(name, last, cancellationToken);
    }

    private async Task DecideAsync(string name, string decision, string by, string? reason, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("""
            with stopped as (
                select s.name, s.error, s.error_transaction_id, s.error_seq_id, e.id, e.stream_id, e.version
                from platform.subscription s join mt_events e on e.seq_id = s.error_seq_id
                where s.name = $1 for update of s),
            decided as (
                insert into platform.subscription_decision (name, decision, by, reason, event_id, stream_id, version, error)
                select name, $2, $3, $4, id, stream_id, version, error from stopped)
            update platform.subscription s set
                transaction_id = case $2 when 'pass' then stopped.error_transaction_id else s.transaction_id end,
                seq_id = case $2 when 'pass' then stopped.error_seq_id else s.seq_id end,
                updated_at = now(), error = null, error_transaction_id = null, error_seq_id = null
            from stopped where s.name = stopped.name
            """);
        EventTables.Add(command.Parameters, name);
        EventTables.Add(command.Parameters, decision);
        EventTables.Add(command.Parameters, by);
        command.Parameters.Add(new() { Value = (object?)reason ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
        if (await command.ExecuteNonQueryAsync(cancellationToken) == 0)
        {
            throw new CommandRefusedException("SUBSCRIPTION_NOT_STOPPED", $"Subscription {name} waits for no decision.");
        }

        store.Signals.Appended(LogSignals.Subscriptions);
    }
}
