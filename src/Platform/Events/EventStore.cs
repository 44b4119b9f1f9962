using System.Runtime.CompilerServices;
using Npgsql;

namespace Platform.Events;

/// <summary>
/// Streams of events in Postgres, in Marten 9's table format. Appends are atomic and one round trip; reads are never stale.
/// Archived streams refuse appends and read as empty.
/// </summary>
public sealed class EventStore(NpgsqlDataSource database, EventTypes types, TimeProvider clock) : IDisposable
{
    private const int PageSize = 500;

    // Every conflict means that somebody else got on, so this many in a row is a decision that never fits its stream.
    private const int MaxAttempts = 200;

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    private readonly EventTables tables = new(types, clock);
    private readonly FoldCache cache = new();

    internal LogSignals Signals { get; } = new();

    /// <summary>
    /// Folds a stream. A stream without events gives the initial state at version 0. Events no module of this build knows leave the state
    /// as it is. States of streams used lately are kept, and only events newer than them are read.
    /// </summary>
    public async Task<Folded<TState>> FoldAsync<TState, TEvent>(StreamId id, CancellationToken cancellationToken)
        where TState : IState<TState, TEvent>
        where TEvent : notnull
    {
        var streamName = StreamOf<TState, TEvent>.Name(id);
        if (cache.Find<TState>(streamName) is { } known && await FoldFromAsync<TState, TEvent>(streamName, known, cancellationToken) is { } newer)
        {
            return newer;
        }

        return await FoldFromAsync<TState, TEvent>(streamName, new Folded<TState>(TState.Initial, 0), cancellationToken)
            ?? new Folded<TState>(TState.Initial, 0);
    }

    /// <summary>
    /// The state this process knew last, which others may have moved on from; folded where it knows none. For what is appended at its version, which
    /// then fails, and for what never changes in a stream.
    /// </summary>
    public async Task<Folded<TState>> RecallAsync<TState, TEvent>(StreamId id, CancellationToken cancellationToken)
        where TState : IState<TState, TEvent>
        where TEvent : notnull =>
        cache.Find<TState>(StreamOf<TState, TEvent>.Name(id)) ?? await FoldAsync<TState, TEvent>(id, cancellationToken);

    /// <summary>
    /// Folds, decides, appends at the folded version, and after a conflict starts again, so <paramref name="decide"/> may be asked more
    /// than once. Returns the state after the new events.
    /// </summary>
    /// <exception cref="StreamArchivedException">The stream is closed for good.</exception>
    public async Task<Folded<TState>> DecideAsync<TState, TEvent>(
        StreamId id, Func<TState, IReadOnlyList<TEvent>> decide, CancellationToken cancellationToken)
        where TState : IState<TState, TEvent>
        where TEvent : notnull
    {
        for (var attempt = 1; ; attempt++)
        {
            var folded = await FoldAsync<TState, TEvent>(id, cancellationToken);
            try
            {
                return await AppendAsync(id, folded, decide(folded.State), cancellationToken);
            }
            catch (StreamConflictException) when (attempt < MaxAttempts)
            {
            }
        }
    }

    /// <summary>Appends at the version of <paramref name="expected"/> and returns the state after the events. Nothing to append: nothing happens.</summary>
    /// <exception cref="StreamConflictException">Somebody else appended meanwhile.</exception>
    /// <exception cref="StreamArchivedException">The stream is closed for good.</exception>
    public async Task<Folded<TState>> AppendAsync<TState, TEvent>(
        StreamId id, Folded<TState> expected, IReadOnlyList<TEvent> events, CancellationToken cancellationToken)
        where TState : IState<TState, TEvent>
        where TEvent : notnull
    {
        if (events.Count == 0)
        {
            return expected;
        }

        var append = StreamAppend.To<TState, TEvent>(id, expected.Version, events);
        await using (var command = database.CreateCommand())
        {
            command.CommandText = tables.Append(append, command.Parameters);
            await EnsureAppendedAsync(append, () => command.ExecuteNonQueryAsync(cancellationToken), cancellationToken);
        }

        Announce(append);
        var state = expected.State;
        foreach (var e in events)
        {
            state = TState.Evolve(state, e);
        }

        return cache.Keep(append.StreamName, new Folded<TState>(state, expected.Version + events.Count));
    }

    /// <summary>Appends to several streams in one transaction: to all of them or to none. Each stream is named once.</summary>
    /// <exception cref="StreamConflictException">Somebody else appended to one of them meanwhile.</exception>
    /// <exception cref="StreamArchivedException">One of them is closed for good.</exception>
    public async Task AppendAsync(IReadOnlyCollection<StreamAppend> appends, CancellationToken cancellationToken)
    {
        // All writers lock streams in the same order, so they cannot wait for each other in a circle.
        StreamAppend[] ordered = [.. appends.Where(append => append.Events.Count > 0).OrderBy(append => append.StreamName, StringComparer.Ordinal)];
        await using (var connection = await database.OpenConnectionAsync(cancellationToken))
        await using (var transaction = await connection.BeginTransactionAsync(cancellationToken))
        {
            foreach (var append in ordered)
            {
                await using var command = new NpgsqlCommand { Connection = connection, Transaction = transaction };
                command.CommandText = tables.Append(append, command.Parameters);
                await EnsureAppendedAsync(append, () => command.ExecuteNonQueryAsync(cancellationToken), cancellationToken);
            }

            await transaction.CommitAsync(cancellationToken);
        }

        Array.ForEach(ordered, Announce);
    }

    /// <summary>Closes a stream for good: it refuses appends, reads as empty, and subscriptions that have not seen its events will not.</summary>
    public async Task ArchiveAsync<TState, TEvent>(StreamId id, CancellationToken cancellationToken)
        where TState : IState<TState, TEvent>
        where TEvent : notnull
    {
        await using var command = database.CreateCommand("""
            with stream as (update mt_streams set is_archived = true where id = $1 returning id)
            update mt_events set is_archived = true from stream where stream_id = stream.id and not is_archived
            """);
        EventTables.Add(command.Parameters, StreamOf<TState, TEvent>.Name(id));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Events of one stream in order, from <paramref name="fromVersion"/> (1-based, inclusive) on.</summary>
    public IAsyncEnumerable<RecordedEvent> ReadAsync(string streamName, long fromVersion, CancellationToken cancellationToken) =>
        ReadPagesAsync(
            $"select {EventTables.Columns} from mt_events e where stream_id = $1 and version >= $2 and not is_archived order by version limit {PageSize}",
            streamName, fromVersion, step: 1, cancellationToken);

    /// <summary>Events of one stream, the newest first, from <paramref name="fromVersion"/> (inclusive) down to the first.</summary>
    public IAsyncEnumerable<RecordedEvent> ReadBackwardAsync(string streamName, long fromVersion, CancellationToken cancellationToken) =>
        ReadPagesAsync(
            $"select {EventTables.Columns} from mt_events e where stream_id = $1 and version <= $2 and not is_archived order by version desc limit {PageSize}",
            streamName, fromVersion, step: -1, cancellationToken);

    /// <summary>Returns when the stream has an event beyond <paramref name="version"/>, or after <paramref name="timeout"/>; true where it has.</summary>
    public async Task<bool> WaitForEventAsync(string streamName, long version, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        try
        {
            while (true)
            {
                var signal = Signals.Next(streamName);
                var (actual, isArchived) = await EventTables.VersionAsync(database, streamName, cancellationToken);
                var left = timeout - clock.GetElapsedTime(started);
                if ((actual > version && !isArchived) || left <= TimeSpan.Zero)
                {
                    return actual > version && !isArchived;
                }

                await LogSignals.WaitAsync(signal, left < PollInterval ? left : PollInterval, cancellationToken);
            }
        }
        finally
        {
            Signals.Release(streamName);
        }
    }

    public void Dispose()
    {
        cache.Dispose();
        Signals.Dispose();
    }

    private void Announce(StreamAppend append)
    {
        if (append.Events.Any(e => types.IsSignalled(e.GetType())))
        {
            Signals.Appended([append.StreamName, .. append.Events.Select(e => LogSignals.OfType(types.NameOf(e.GetType())))]);
        }

        EventMeters.Appended.Add(append.Events.Count, new KeyValuePair<string, object?>("stream.type", append.StreamType));
    }

    private async Task EnsureAppendedAsync(StreamAppend append, Func<Task<int>> execute, CancellationToken cancellationToken)
    {
        try
        {
            if (await execute() > 0)
            {
                return;
            }
        }
        catch (PostgresException e) when (e.ConstraintName == "pk_mt_events_stream_and_version")
        {
            // Another program wrote mt_events and left mt_streams behind.
        }

        var (actual, isArchived) = await EventTables.VersionAsync(database, append.StreamName, cancellationToken);
        if (isArchived)
        {
            throw new StreamArchivedException(append.StreamName);
        }

        EventMeters.Conflicts.Add(1, new KeyValuePair<string, object?>("stream.type", append.StreamType));
        throw new StreamConflictException(append.StreamName, append.ExpectedVersion, actual);
    }

    // Reads from the known version on, itself included: where that is gone, so is the stream (archived, or deleted by hand).
    private async Task<Folded<TState>?> FoldFromAsync<TState, TEvent>(string streamName, Folded<TState> known, CancellationToken cancellationToken)
        where TState : IState<TState, TEvent>
        where TEvent : notnull
    {
        await using var command = database.CreateCommand("""
            select version, type, case when version > $2 then data end
            from mt_events where stream_id = $1 and version >= $2 and not is_archived order by version
            """);
        EventTables.Add(command.Parameters, streamName);
        EventTables.Add(command.Parameters, known.Version);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var (state, version) = (known.State, 0L);
        while (await reader.ReadAsync(cancellationToken))
        {
            version = reader.GetInt64(0);
            if (version > known.Version && types.Deserialize(reader.GetString(1), reader.GetFieldValue<byte[]>(2)) is TEvent e)
            {
                state = TState.Evolve(state, e);
            }
        }

        return version == 0 ? null : cache.Keep(streamName, new Folded<TState>(state, version));
    }

    // Page by page, so that a slow consumer holds no connection.
    private async IAsyncEnumerable<RecordedEvent> ReadPagesAsync(
        string sql, string streamName, long fromVersion, int step, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var page = new List<RecordedEvent>();
        do
        {
            page.Clear();
            await using (var command = database.CreateCommand(sql))
            {
                EventTables.Add(command.Parameters, streamName);
                EventTables.Add(command.Parameters, fromVersion);
                await using var reader = await command.ExecuteReaderAsync(cancellationToken);
                while (await reader.ReadAsync(cancellationToken))
                {
                    page.Add(tables.Decode(EventTables.Read(reader)));
                }
            }

            foreach (var e in page)
            {
                yield return e;
                fromVersion = e.Version + step;
            }
        }
        while (page.Count == PageSize);
    }
}

/// <summary>The stream is not at the version the append expected.</summary>
public sealed class StreamConflictException(string streamName, long expectedVersion, long actualVersion)
    : Exception($"Stream {streamName} is at version {actualVersion}, not at {expectedVersion} as expected.")
{
    public long ExpectedVersion { get; } = expectedVersion;

    public long ActualVersion { get; } = actualVersion;
}

/// <summary>The stream was archived and takes no more events.</summary>
public sealed class StreamArchivedException(string streamName) : Exception($"Stream {streamName} is archived.");
