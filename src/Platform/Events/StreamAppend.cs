namespace Platform.Events;

/// <summary>Events for one stream at the version they expect.</summary>
public sealed record StreamAppend
{
    private StreamAppend(string streamName, string streamType, long expectedVersion, IReadOnlyList<object> events)
    {
        StreamName = streamName;
        StreamType = streamType;
        ExpectedVersion = expectedVersion;
        Events = events;
    }

    public string StreamName { get; }

    public long ExpectedVersion { get; }

    public IReadOnlyList<object> Events { get; }

    /// <summary>Marten's alias of the state.</summary>
    internal string StreamType { get; }

    /// <param name="expectedVersion">0 where the stream has no event yet.</param>
    public static StreamAppend To<TState, TEvent>(StreamId id, long expectedVersion, IReadOnlyList<TEvent> events)
        where TState : IState<TState, TEvent>
        where TEvent : notnull =>
        new(StreamOf<TState, TEvent>.Name(id), StreamOf<TState, TEvent>.Type, expectedVersion, [.. events.Cast<object>()]);
}

internal static class StreamOf<TState, TEvent>
    where TState : IState<TState, TEvent>
{
    public static readonly string Type = EventTypes.AliasOf(typeof(TState));

    public static string Name(StreamId id) => $"{TState.Category}-{id.Value}";
}
