namespace Platform.Jobs;

/// <summary>
/// Lets heavy jobs share the places there are for them: one that had its turn while others wait ends where that costs little, and queues
/// itself again behind them. So a job of hours holds up one of seconds for a turn at most, on any number of nodes.
/// </summary>
/// <param name="othersWait">Whether a heavy job is due that no node has a place for.</param>
/// <param name="length">Turns end only after this long.</param>
public sealed class JobTurns(Func<CancellationToken, Task<bool>> othersWait, TimeSpan length, TimeProvider clock)
{
    /// <summary>The turn of a job that starts now.</summary>
    public JobTurn Begin() => new(othersWait, length, clock);
}

/// <summary>One run of a heavy job.</summary>
public sealed class JobTurn
{
    private readonly Func<CancellationToken, Task<bool>> othersWait;
    private readonly TimeSpan length;
    private readonly TimeProvider clock;
    private readonly long startedAt;

    internal JobTurn(Func<CancellationToken, Task<bool>> othersWait, TimeSpan length, TimeProvider clock)
    {
        this.othersWait = othersWait;
        this.length = length;
        this.clock = clock;
        startedAt = clock.GetTimestamp();
    }

    /// <summary>Whether the job should make room now. Cheap until its time is over, then a query of a millisecond.</summary>
    public async ValueTask<bool> IsOverAsync(CancellationToken cancellationToken) =>
        clock.GetElapsedTime(startedAt) >= length && await othersWait(cancellationToken);
}
