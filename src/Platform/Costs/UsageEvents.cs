using Platform.Events;

namespace Platform.Costs;

// Streams usage-{yyyyMMdd}-{process} and stored_usage-{yyyyMMdd}. These shapes are the storage format: add members, never rename or remove one.

/// <summary>What a process did since its event before: one line for each account that was charged.</summary>
/// <param name="Number">Counts the events of the process: a repeated append writes nothing.</param>
/// <param name="At">When the period ended. The prices of this instant hold for all of it.</param>
internal sealed record UsageMetered(long Number, string Node, IReadOnlyList<UsageLine> Lines, DateTimeOffset At);

/// <summary>What the store held when the day was metered. It counts for the whole day.</summary>
internal sealed record StorageMetered(DateOnly Day, IReadOnlyList<UsageLine> Lines, DateTimeOffset At);

/// <summary>An account and what it used.</summary>
internal sealed record UsageLine(UsageAccount Account, Usage Usage);

/// <summary>The usage that one process recorded on one day.</summary>
/// <param name="LastNumber">Of its last event.</param>
internal sealed record ProcessUsage(long LastNumber) : IState<ProcessUsage, UsageMetered>
{
    public static string Category => "usage";

    public static ProcessUsage Initial { get; } = new(LastNumber: 0);

    public static ProcessUsage Evolve(ProcessUsage state, UsageMetered e) => new(e.Number);
}

/// <summary>A day on which the store was metered, or not yet.</summary>
internal sealed record StoredUsage(bool IsMetered) : IState<StoredUsage, StorageMetered>
{
    public static string Category => "stored_usage";

    public static StoredUsage Initial { get; } = new(IsMetered: false);

    public static StoredUsage Evolve(StoredUsage state, StorageMetered e) => new(IsMetered: true);
}
