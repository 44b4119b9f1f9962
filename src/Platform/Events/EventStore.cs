using Npgsql;

namespace Platform.Events;

/// <summary>Streams of events in Postgres, in Marten 9's table format.</summary>
public sealed class EventStore(NpgsqlDataSource database, EventTypes types, TimeProvider clock)
{
    /// <summary>Folds a stream. A stream without events gives the initial state at version 0.</summary>
    public Task<Folded<TState>> FoldAsync<TState, TEvent>(StreamId id, CancellationToken cancellationToken)
        where TState : IState<TState, TEvent>
        where TEvent : notnull => throw new NotSupportedException($"{database}{types}{clock}{id}{cancellationToken}");

    /// <summary>Folds, decides, appends at the folded version, and after a conflict starts again. Returns the state after the new events.</summary>
    public Task<Folded<TState>> DecideAsync<TState, TEvent>(
        StreamId id, Func<TState, IReadOnlyList<TEvent>> decide, CancellationToken cancellationToken)
        where TState : IState<TState, TEvent>
        where TEvent : notnull => throw new NotSupportedException($"{id}{decide}{cancellationToken}");

    /// <summary>Appends at the version of <paramref name="expected"/> and returns the state after the events. Nothing to append: nothing happens.</summary>
    /// <exception cref="StreamConflictException">Somebody else appended meanwhile.</exception>
    public Task<Folded<TState>> AppendAsync<TState, TEvent>(
        StreamId id, Folded<TState> expected, IReadOnlyList<TEvent> events, CancellationToken cancellationToken)
        where TState : IState<TState, TEvent>
        where TEvent : notnull => throw new NotSupportedException($"{id}{expected}{events}{cancellationToken}");

    /// <summary>Events of one stream in order, from <paramref name="fromVersion"/> (1-based, inclusive) on.</summary>
    public IAsyncEnumerable<RecordedEvent> ReadAsync(string streamName, long fromVersion, CancellationToken cancellationToken) =>
        throw new NotSupportedException($"{streamName}{fromVersion}{cancellationToken}");

    /// <summary>Returns when the stream has an event beyond <paramref name="version"/>, or after <paramref name="timeout"/>; true where it has.</summary>
    public Task<bool> WaitForEventAsync(string streamName, long version, TimeSpan timeout, CancellationToken cancellationToken) =>
        throw new NotSupportedException($"{streamName}{version}{timeout}{cancellationToken}");
}

/// <summary>The stream is not at the version the append expected.</summary>
public sealed class StreamConflictException(string streamName, long expectedVersion, long actualVersion)
    : Exception($"Stream {streamName} is at version {actualVersion}, not at {expectedVersion} as expected.")
{
    public long ExpectedVersion { get; } = expectedVersion;

    public long ActualVersion { get; } = actualVersion;
}
