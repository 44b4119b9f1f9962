namespace Testing;

/// <summary>A clock that runs several times as fast: what waits by it (retries, limits) waits less.</summary>
public sealed class FastClock(int speed) : TimeProvider
{
    private readonly DateTimeOffset startedAt = System.GetUtcNow();

    public override DateTimeOffset GetUtcNow() => startedAt + ((System.GetUtcNow() - startedAt) * speed);

    public override long GetTimestamp() => System.GetTimestamp() * speed;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new FastTimer(System.CreateTimer(callback, state, Shorter(dueTime), Shorter(period)), this);

    private TimeSpan Shorter(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? time : time / speed;

    private sealed class FastTimer(ITimer timer, FastClock clock) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(clock.Shorter(dueTime), clock.Shorter(period));

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();
    }
}
