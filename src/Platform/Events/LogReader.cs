using Npgsql;

namespace Platform.Events;

/// <param name="Events">In order. Their payloads are still JSON: see <see cref="EventTables.Read"/>.</param>
/// <param name="End">Where reading goes on: everything up to here was seen.</param>
/// <param name="Head">The last event that any reader may see now.</param>
internal sealed record LogPage(IReadOnlyList<RecordedEvent> Events, LogPosition End, LogPosition Head)
{
    /// <summary>About how many events lie between; 0 exactly where there is none.</summary>
    public long LagFrom(LogPosition position) => position >= Head ? 0 : Math.Max(1, Head.SequenceId - position.SequenceId);
}

/// <summary>
/// Reads the log in the order of its transactions. Sequence numbers are given out before the commit, so a slow transaction's events appear
/// behind the back of a reader that goes by them. Therefore the log ends, for a reader, where the oldest running transaction began
/// (<c>pg_snapshot_xmin</c>): what lies below is all there will ever be.
/// </summary>
internal sealed class LogReader(EventTypes types)
{
    /// <summary>The most events that are handled in one transaction.</summary>
    public const int PageSize = 1_000;

    // The log grows faster than its statistics: a plan that sorts reads all of the backlog for every page. For this transaction only.
    private const string InOrderOfIndexSql =
        "select set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)";

    private const string HeadSql = """
        select transaction_id, seq_id from mt_events where transaction_id < pg_snapshot_xmin(pg_current_snapshot())
        order by transaction_id desc, seq_id desc limit 1
        """;

    private static readonly string EventsSql = $"""
        select {EventTables.Columns} from mt_events e
        where (e.transaction_id, e.seq_id) > ($1, $2) and e.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
            and e.type = any($3) and not e.is_archived
        order by e.transaction_id, e.seq_id limit {PageSize}
        """;

    /// <summary>The stored names of what a subscription wants to see.</summary>
    public string[] NamesOf(ISubscription subscription) => [.. subscription.Handles.Select(types.NameOf)];

    public static async Task<LogPage> ReadAsync(NpgsqlConnection connection, string[] names, LogPosition after, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        var events = new NpgsqlBatchCommand(EventsSql);
        EventTables.Add(events.Parameters, after);
        EventTables.Add(events.Parameters, names);
        batch.BatchCommands.Add(new(InOrderOfIndexSql));
        batch.BatchCommands.Add(new(HeadSql));
        batch.BatchCommands.Add(events);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        var head = await reader.ReadAsync(cancellationToken) ? new LogPosition(reader.GetFieldValue<ulong>(0), reader.GetInt64(1)) : default;

        await reader.NextResultAsync(cancellationToken);
        var page = new List<RecordedEvent>();
        while (await reader.ReadAsync(cancellationToken))
        {
            page.Add(EventTables.Read(reader));
        }

        // The events were read after the head, so a page that is not full reaches at least to it.
        var last = page.Count > 0 ? page[^1].Position : after;
        return new LogPage(page, page.Count == PageSize || last > head ? last : head, head);
    }

    /// <summary>Hands one event to its subscription, as part of the trace that wrote the event and as the cause of whatever is written.</summary>
    public async Task HandleAsync(ISubscription subscription, RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        using var activity = EventMetadata.Continue(e, subscription.Name);
        await subscription.HandleAsync(e with { Payload = types.Deserialize(e.Type, (byte[])e.Payload) }, transaction, cancellationToken);
    }
}
