namespace Platform.Events;

/// <summary>The state of one stream: an immutable record folded from its events.</summary>
/// <typeparam name="TSelf">The state itself.</typeparam>
/// <typeparam name="TEvent">What all events of the stream have in common.</typeparam>
public interface IState<TSelf, TEvent>
    where TSelf : IState<TSelf, TEvent>
{
    /// <summary>First part of the stream's name: <c>album</c> in <c>album-{id}</c>.</summary>
    static abstract string Category { get; }

    /// <summary>The state before the first event.</summary>
    static abstract TSelf Initial { get; }

    /// <summary>Applies one event. Pure: no clock, no randomness, no I/O. Unknown events leave the state as it is.</summary>
    static abstract TSelf Evolve(TSelf state, TEvent e);
}
