namespace Platform.Events;

/// <summary>An event as it stands in the log.</summary>
/// <param name="Position">Its place in the whole log.</param>
/// <param name="StreamName">Category and id: <c>album-0198…</c>.</param>
/// <param name="Version">Its place in its stream, from 1.</param>
/// <param name="Type">Its stored name: <c>file_zipped</c>.</param>
/// <param name="Payload">The event itself; a <see cref="System.Text.Json.JsonElement"/> where no module of this build knows its type.</param>
public sealed record RecordedEvent(
    LogPosition Position,
    Guid Id,
    string StreamName,
    long Version,
    string Type,
    object Payload,
    DateTimeOffset RecordedAt,
    EventMetadata Metadata)
{
    /// <summary>The stream's id without its category. A category holds no hyphen.</summary>
    public string StreamId => StreamName[(StreamName.IndexOf('-', StringComparison.Ordinal) + 1)..];
}

/// <summary>A place in the log. Events are seen in the order of their transaction, then of their sequence number.</summary>
public readonly record struct LogPosition(ulong TransactionId, long SequenceId) : IComparable<LogPosition>
{
    public int CompareTo(LogPosition other) =>
        TransactionId != other.TransactionId ? TransactionId.CompareTo(other.TransactionId) : SequenceId.CompareTo(other.SequenceId);

    public static bool operator <(LogPosition left, LogPosition right) => left.CompareTo(right) < 0;

    public static bool operator >(LogPosition left, LogPosition right) => left.CompareTo(right) > 0;

    public static bool operator <=(LogPosition left, LogPosition right) => left.CompareTo(right) <= 0;

    public static bool operator >=(LogPosition left, LogPosition right) => left.CompareTo(right) >= 0;
}
