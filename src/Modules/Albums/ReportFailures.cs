using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.Events;
using Platform.Jobs;

namespace Albums;

/// <summary>Sees to it that admins hear of albums that failed: of one as of thousands by one mail. What was replayed meanwhile is not told.</summary>
internal sealed class ReportFailures(NpgsqlDataSource database, EventStore store, TimeProvider clock, ILogger<ReportFailures> log)
    : Sweep(LongestWait, clock, log)
{
    // Of the first failure after a while in which nothing failed.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    private const int MostNamed = 5;

    private readonly TimeProvider clock = clock;

    /// <returns>Albums that are failed, and of which no report tells: the first of them.</returns>
    protected override async Task<IReadOnlyList<Guid>> DueAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        (await NextAsync(now, cancellationToken)).First.Take(1).ToArray();

    protected override async Task HandleAsync(Guid id, CancellationToken cancellationToken)
    {
        var next = await NextAsync(clock.GetUtcNow(), cancellationToken);
        await store.DecideAsync<FailureReport, FailuresReported>(FailureReport.StreamId, state => FailureReport.Decide(state, next), cancellationToken);
    }

    private async Task<FailuresReported> NextAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var reported = (await store.FoldAsync<FailureReport, FailuresReported>(FailureReport.StreamId, cancellationToken)).State.UpTo;
        await using var query = database.CreateCommand($"""
            select count(*)::int, coalesce((array_agg(id order by failure))[:{MostNamed}], array[]::uuid[]), coalesce(max(failure), 0)
            from albums.album where failure > $1 and status = 'Failed'
            """);
        query.Parameters.Add(new() { Value = reported });
        await using var row = await query.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new FailuresReported(row.GetInt32(0), row.GetFieldValue<Guid[]>(1), row.GetInt64(2), now);
    }
}
