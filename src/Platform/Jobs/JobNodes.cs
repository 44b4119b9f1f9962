using Npgsql;

namespace Platform.Jobs;

/// <summary>Which processes take jobs, and what they are at. From Quartz's tables, on every node the same.</summary>
public sealed class JobNodes(NpgsqlDataSource database, TimeProvider clock)
{
    /// <summary>Every worker that checked in and was not declared dead since.</summary>
    public async Task<IReadOnlyList<NodeStatus>> ListAsync(CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select s.instance_name, s.last_checkin_time, coalesce(array_agg(f.job_name order by f.fired_time) filter (where f.job_name is not null), '{}')
            from quartz.qrtz_scheduler_state s left join quartz.qrtz_fired_triggers f using (instance_name)
            group by s.instance_name, s.last_checkin_time order by s.instance_name
            """);
        var nodes = new List<NodeStatus>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            nodes.Add(new NodeStatus(rows.GetString(0), new DateTimeOffset(rows.GetInt64(1), TimeSpan.Zero), rows.GetFieldValue<string[]>(2)));
        }

        return nodes;
    }

    /// <summary>Jobs that are due and wait for a place, and those that wait for their time: a retry, mostly.</summary>
    public async Task<(long Due, long Later)> WaitingAsync(CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select count(*) filter (where next_fire_time <= $1), count(*) filter (where next_fire_time > $1)
            from quartz.qrtz_triggers where trigger_state = 'WAITING'
            """);
        query.Parameters.Add(new() { Value = clock.GetUtcNow().UtcTicks });
        await using var row = await query.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return (row.GetInt64(0), row.GetInt64(1));
    }
}

/// <param name="SeenAt">Its last sign of life; one is due every second.</param>
/// <param name="Jobs">The names of those it runs.</param>
public sealed record NodeStatus(string Name, DateTimeOffset SeenAt, IReadOnlyList<string> Jobs);
