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

    public AppendsAtWork(IHostApplicationLifetime host) => host.ApplicationStopping.Register(InterruptAll);

    /// <summary>
    /// Interrupts whoever works on the upload, waits until it has recorded what it got, and returns the caller's turn, which ends when
    /// it is disposed.
    /// </summary>
    /// <param name="interrupt">Called at most once, from any thread, when the caller is to end.</param>
    /// <exception cref="AppendInterruptedException">A newer request came before this one's turn.</exception>
    public async Task<IDisposable> TakeOverAsync(Guid uploadId, Action interrupt)
    {
        var turn = new AppendTurn(interrupt, turn => Leave(uploadId, turn));
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

    private sealed class AppendTurn(Action interrupt, Action<AppendTurn> leave) : IDisposable
    {
        private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Lock gate = new();
        private bool isOver;

        public Task Ended => ended.Task;

        public bool IsInterrupted { get; private set; }

        public void Interrupt()
        {
            // Not after the end: Kestrel's body readers go on with the next request of their connection.
            lock (gate)
            {
                if (!IsInterrupted && !isOver)
                {
                    IsInterrupted = true;
                    interrupt();
                }
            }
        }

        public void Dispose()
        {
            lock (gate)
            {
                isOver = true;
            }

            leave(this);
            ended.SetResult();
        }
    }
}
