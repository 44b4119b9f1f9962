using System.Text.Encodings.Web;
using System.Text.Json;
using Npgsql;

namespace Platform.Events;

/// <summary>Any stream as it is stored, for admins: raw events hold addresses and keys.</summary>
public sealed class StreamInspector(NpgsqlDataSource database, EventStore store, IEnumerable<InspectedState> states)
{
    private const int PageSize = 50;

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // shown as text, never as markup
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter() },
    };

    /// <summary>Streams whose name begins with <paramref name="prefix"/>, those that changed last first; at most 50.</summary>
    public async Task<IReadOnlyList<StreamSummary>> FindAsync(string prefix, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            $"select id, version, timestamp from mt_streams where starts_with(id, $1) order by timestamp desc limit {PageSize}");
        EventTables.Add(query.Parameters, prefix.Trim());
        var found = new List<StreamSummary>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            found.Add(new StreamSummary(rows.GetString(0), rows.GetInt64(1), rows.GetFieldValue<DateTimeOffset>(2)));
        }

        return found;
    }

    /// <summary>A page of raw events, the newest first.</summary>
    /// <param name="before">Leaves out this version and later ones.</param>
    public async Task<IReadOnlyList<StreamEntry>> ReadAsync(string streamName, long? before, CancellationToken cancellationToken) =>
        await store.ReadBackwardAsync(streamName, (before ?? long.MaxValue) - 1, cancellationToken)
            .Take(PageSize)
            .Select(e => new StreamEntry(e.Version, e.Id, e.Type, e.RecordedAt, JsonSerializer.Serialize(e.Payload, e.Payload.GetType(), Indented), e.Metadata))
            .ToListAsync(cancellationToken);

    /// <summary>The state behind the first <paramref name="version"/> events, as JSON; <see langword="null"/> where no module folds such streams.</summary>
    public async Task<string?> StateAtAsync(string streamName, long version, CancellationToken cancellationToken)
    {
        var category = streamName.Split('-')[0];
        if (states.FirstOrDefault(state => state.Category == category) is not { } inspected)
        {
            return null;
        }

        var events = store.ReadAsync(streamName, fromVersion: 1, cancellationToken).TakeWhile(e => e.Version <= version);
        return JsonSerializer.Serialize(await inspected.FoldAsync(events, cancellationToken), Indented);
    }
}

/// <summary>How streams of one category fold, for <see cref="StreamInspector"/>.</summary>
public abstract class InspectedState
{
    private protected InspectedState()
    {
    }

    internal abstract string Category { get; }

    internal abstract Task<object> FoldAsync(IAsyncEnumerable<RecordedEvent> events, CancellationToken cancellationToken);

    internal sealed class Of<TState, TEvent> : InspectedState
        where TState : IState<TState, TEvent>
        where TEvent : notnull
    {
        internal override string Category => TState.Category;

        internal override async Task<object> FoldAsync(IAsyncEnumerable<RecordedEvent> events, CancellationToken cancellationToken)
        {
            var state = TState.Initial;
            await foreach (var e in events.WithCancellation(cancellationToken))
            {
                state = e.Payload is TEvent known ? TState.Evolve(state, known) : state;
            }

            return state;
        }
    }
}

public sealed record StreamSummary(string Name, long Version, DateTimeOffset ChangedAt);

/// <param name="Details">The event as JSON.</param>
public sealed record StreamEntry(long Version, Guid Id, string Type, DateTimeOffset RecordedAt, string Details, EventMetadata Metadata);
