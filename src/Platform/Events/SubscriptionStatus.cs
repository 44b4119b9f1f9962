namespace Platform.Events;

/// <summary>Where a subscription is.</summary>
/// <param name="Lag">About how many events of the log it has not seen; 0 exactly when it has seen all.</param>
/// <param name="Stopped">Why it stands still, where it does.</param>
public sealed record SubscriptionStatus(string Name, LogPosition Position, long Lag, DateTimeOffset UpdatedAt, StoppedAt? Stopped);

/// <summary>The event a subscription failed on. It waits for an admin to say: once more, or without this one.</summary>
public sealed record StoppedAt(string Error, Guid EventId, string StreamName, long Version, string Type);

/// <summary>The subscription stands still at an event it cannot handle, so what depends on it cannot go on.</summary>
public sealed class SubscriptionStoppedException(string name, string error, Exception? inner = null)
    : Exception($"Subscription {name} stopped: {error}", inner);
