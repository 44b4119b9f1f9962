using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace Platform.Events;

/// <summary>
/// The statements on Marten's tables. <c>mt_streams</c> has one row per stream with its version; <c>mt_events</c> one row per event, its version
/// counted from 1 within its stream. An append is one statement that moves the stream's version and inserts the events, or does neither:
/// <list type="bullet">
/// <item>The row of <c>mt_streams</c> is the lock of its stream. A rival waits for it, then finds another version and inserts nothing.</item>
/// <item>Expected versions are known before the transaction begins. So whoever appends at version n saw n committed, its transaction has
/// the higher id, and the order (transaction_id, seq_id) never contradicts the order within a stream. Appending inside a transaction
/// that has written before would break this; there is no such method.</item>
/// <item>The unique index on (stream_id, version) stands behind that, should another program write <c>mt_events</c> by other rules.</item>
/// </list>
/// </summary>
internal sealed class EventTables(EventTypes types, TimeProvider clock)
{
    public const string Columns =
        "e.transaction_id, e.seq_id, e.id, e.stream_id, e.version, e.type, e.data, e.timestamp, e.correlation_id, e.causation_id, e.headers";

    private const string Insert = """
        insert into mt_events (seq_id, id, stream_id, version, data, type, timestamp, mt_dotnet_type, correlation_id, causation_id, headers)
        select nextval('mt_events_sequence'), e.id, $1, $2 + e.n, e.data, e.type, $3, e.dotnet_type, $8, $9, $10
        from stream, unnest($4, $5, $6, $7) with ordinality as e (id, data, type, dotnet_type, n)
        """;

    private const string Begin = $"""
        with stream as (
            insert into mt_streams (id, type, version, timestamp, created) values ($1, $11, $12, $3, $3) on conflict (id) do nothing returning id)
        {Insert}
        """;

    private const string Extend = $"""
        with stream as (
            update mt_streams set version = $11, timestamp = $3 where id = $1 and version = $2 and not is_archived returning id)
        {Insert}
        """;

    /// <summary>Fills the command that appends. It changes as many rows as there are events, or none: then the stream is elsewhere.</summary>
    public string Append(StreamAppend append, NpgsqlParameterCollection parameters)
    {
        var now = clock.GetUtcNow();
        var metadata = EventMetadata.Current;
        var count = append.Events.Count;
        var ids = new Guid[count];
        var data = new byte[count][];
        var names = new string[count];
        var dotnetTypes = new string[count];
        for (var i = 0; i < count; i++)
        {
            var payload = append.Events[i];
            (names[i], dotnetTypes[i]) = types.Stored(payload.GetType());
            ids[i] = Guid.CreateVersion7(now);
            data[i] = EventTypes.Serialize(payload);
        }

        Add(parameters, append.StreamName);
        Add(parameters, append.ExpectedVersion);
        Add(parameters, now);
        Add(parameters, ids);
        parameters.Add(new() { Value = data, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb });
        Add(parameters, names);
        Add(parameters, dotnetTypes);
        AddText(parameters, metadata.CorrelationId, NpgsqlDbType.Text);
        AddText(parameters, metadata.CausationId, NpgsqlDbType.Text);
        AddText(parameters, metadata.Headers, NpgsqlDbType.Jsonb);
        if (append.ExpectedVersion == 0)
        {
            Add(parameters, append.StreamType);
        }

        Add(parameters, append.ExpectedVersion + count);
        return append.ExpectedVersion == 0 ? Begin : Extend;
    }

    /// <summary>Reads a row of <see cref="Columns"/>. The payload is JSON yet, so that one which cannot be read is its reader's concern.</summary>
    public static RecordedEvent Read(NpgsqlDataReader row) => new(
        new LogPosition(row.GetFieldValue<ulong>(0), row.GetInt64(1)),
        row.GetGuid(2),
        row.GetString(3),
        row.GetInt64(4),
        row.GetString(5),
        row.GetFieldValue<byte[]>(6),
        row.GetFieldValue<DateTimeOffset>(7),
        new EventMetadata(Text(row, 8), Text(row, 9), EventMetadata.ByFrom(Text(row, 10))));

    /// <summary>Turns the JSON of what <see cref="Read"/> gave into the event.</summary>
    /// <exception cref="JsonException">It does not fit the event's type.</exception>
    public RecordedEvent Decode(RecordedEvent e) => e with { Payload = types.Deserialize(e.Type, (byte[])e.Payload) };

    public static async Task<(long Version, bool IsArchived)> VersionAsync(
        NpgsqlDataSource database, string streamName, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("select version, is_archived from mt_streams where id = $1");
        Add(command.Parameters, streamName);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? (reader.GetInt64(0), reader.GetBoolean(1)) : (0, false);
    }

    public static void Add<T>(NpgsqlParameterCollection parameters, T value) => parameters.Add(new NpgsqlParameter<T> { TypedValue = value });

    public static void Add(NpgsqlParameterCollection parameters, LogPosition position)
    {
        parameters.Add(new NpgsqlParameter<ulong> { TypedValue = position.TransactionId, NpgsqlDbType = NpgsqlDbType.Xid8 });
        Add(parameters, position.SequenceId);
    }

    private static void AddText(NpgsqlParameterCollection parameters, string? value, NpgsqlDbType type) =>
        parameters.Add(new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = type });

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
