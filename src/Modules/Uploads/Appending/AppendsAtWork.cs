using Microsoft.Extensions.Hosting;

namespace Uploads;

/// <summary>
/// One request at a time works on an upload that is appended to, and it is always the newest: a client that comes again has lost its
/// earlier request, even where this side of the connection does not know it yet. Between processes <see cref="AppendTakenOver"/> does
/// the same.
/// </summary>
internal sealed class AppendsAtWork
{
    private readonly Dictionary<Guid, AppendTurn> newest = [];
    private readonly TimeProvider clock;

    public AppendsAtWork(IHostApplicationLifetime host, TimeProvider clock)
    {
        this.clock = clock;
        host.ApplicationStopping.Register(InterruptAll);
    }

    /// <summary>
    /// Interrupts whoever works on the upload, waits until it has recorded what it got, for <see cref="AppendTurn.Grace"/> at most, and returns
    /// the caller's turn, which ends when it is disposed.
    /// </summary>
    /// <param name="interrupt">Called at most once, from any thread, when the caller is to end.</param>
    /// <exception cref="AppendInterruptedException">A newer request came before this one's turn.</exception>
    public async Task<AppendTurn> TakeOverAsync(Guid uploadId, Action interrupt)
    {
        var turn = new AppendTurn(interrupt, turn => Leave(uploadId, turn), clock);
        AppendTurn? before;
        lock (newest)
        {
            newest.TryGetValue(uploadId, out before);
            newest[uploadId] = turn;
        }

        if (before is not null)
        {
            before.Interrupt();
            await before.Ended;
        }

        if (!turn.IsInterrupted)
            return turn;
        turn.Dispose();
        throw new AppendInterruptedException();
    }

    private void Leave(Guid uploadId, AppendTurn turn)
    {
        lock (newest)
        {
            if (newest[uploadId] == turn)
            {
                newest.Remove(uploadId);
            }
        }
    }

    private void InterruptAll()
    {
        lock (newest)
        {
            foreach (var turn in newest.Values)
            {
                turn.Interrupt();
            }
        }
    }
}

/// <summary>The time in which a request may work on an upload that is appended to.</summary>
internal sealed class AppendTurn(Action interrupt, Action<AppendTurn> leave, TimeProvider clock) : IDisposable
{
    /// <summary>For two parts on their way to the store, and less than clients wait for an answer: a store that is down is tried for minutes.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource grace = new(Timeout.InfiniteTimeSpan, clock);
    private readonly Lock gate = new();
    private bool isOver;

    public Task Ended => ended.Task;

    public bool IsInterrupted { get; private set; }

    /// <summary>Cancelled when the turn was interrupted and its grace is over: the store is waited for no longer.</summary>
    public CancellationToken GraceEnded => grace.Token;

    public void Interrupt()
    {
        // Not after the end: Kestrel's body readers go on with the next request of their connection.
        lock (gate)
        {
            if (!IsInterrupted && !isOver)
            {
                IsInterrupted = true;
                interrupt();
                grace.CancelAfter(Grace);
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            isOver = true;
        }

        grace.Dispose();
        leave(this);
        ended.SetResult();
    }
}
