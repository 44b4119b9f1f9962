namespace Platform.Storage;

/// <summary>
/// Cancels a call to the store when the store, and nobody else, keeps it waiting too long. It runs while the next move is the store's
/// and rests while it is ours or our client's, so a slow guest may take hours and a dead store is noticed soon.
/// </summary>
internal sealed class StallTimer : IDisposable
{
    private readonly CancellationTokenSource source;
    private readonly CancellationTokenRegistration registration;
    private readonly CancellationToken caller;
    private readonly TimeSpan limit;

    public StallTimer(TimeSpan limit, CancellationToken caller)
        : this(limit, TimeProvider.System, caller)
    {
    }

    public StallTimer(TimeSpan limit, TimeProvider clock, CancellationToken caller)
    {
        this.limit = limit;
        this.caller = caller;
        source = new CancellationTokenSource(limit, clock);
        registration = caller.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), source);
    }

    public CancellationToken Token => source.Token;

    /// <summary>Whether it was this timer that cancelled, and not the caller.</summary>
    public bool HasFired => source.IsCancellationRequested && !caller.IsCancellationRequested;

    public void Run() => source.CancelAfter(limit);

    public void Rest() => source.CancelAfter(Timeout.InfiniteTimeSpan);

    public void Dispose()
    {
        registration.Dispose();
        source.Dispose();
    }
}
