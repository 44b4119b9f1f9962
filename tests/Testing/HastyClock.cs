namespace Testing;

/// <summary>A clock on which every wait is over at once: tests of retries take no time. It remembers what was to be waited.</summary>
public sealed class HastyClock : TimeProvider
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<TimeSpan> waits = new();

    public IReadOnlyCollection<TimeSpan> Waits => waits;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        waits.Enqueue(dueTime);
        return base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
