namespace Platform.Events;

/// <summary>A state and the version of the stream it was folded from; 0 where the stream has no event yet.</summary>
public readonly record struct Folded<TState>(TState State, long Version);
