using System.Collections.Concurrent;

namespace Platform.Events;

/// <summary>
/// Wakes whoever waits for new events in this process, and collects the streams this process appended to until they are told to all
/// processes. Only a hint: a signal may be early, doubled or lost, so waiters look at the tables and wait for a bounded time.
/// </summary>
internal sealed class LogSignals : IDisposable
{
    // Names beyond this many are not worth telling apart: everybody is woken.
    private const int MaxNames = 64;

    private readonly ConcurrentDictionary<string, TaskCompletionSource> waiters = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim appended = new(0, 1);
    private readonly Lock gate = new();
    private HashSet<string> streams = new(StringComparer.Ordinal);

    /// <summary>The name under which subscriptions wait for any event at all. No stream has it.</summary>
    public const string AnyStream = "";

    public void Appended(string streamName)
    {
        lock (gate)
        {
            if (streams.Count <= MaxNames)
            {
                streams.Add(streamName);
            }

            if (appended.CurrentCount == 0)
            {
                appended.Release();
            }
        }
    }

    /// <summary>Waits for appends of this process and takes the streams they went to; none where they are too many to name.</summary>
    public async Task<IReadOnlyCollection<string>> TakeAppendedAsync(CancellationToken cancellationToken)
    {
        await appended.WaitAsync(cancellationToken);
        lock (gate)
        {
            var taken = streams;
            streams = new(StringComparer.Ordinal);
            return taken.Count > MaxNames ? [] : taken;
        }
    }

    /// <summary>Wakes the waiters of these streams and those of any stream; everybody where none is named.</summary>
    public void Wake(IReadOnlyCollection<string> streamNames)
    {
        foreach (var name in streamNames.Count > 0 ? [.. streamNames, AnyStream] : waiters.Keys)
        {
            Release(name);
        }
    }

    /// <summary>The next signal for a stream. Take it before looking at the tables, so that no append falls between.</summary>
    public Task Next(string streamName) =>
        waiters.GetOrAdd(streamName, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Ends the waiting for a stream that nobody may append to again. Others that wait for it look once more.</summary>
    public void Release(string streamName)
    {
        if (waiters.TryRemove(streamName, out var waiter))
        {
            waiter.TrySetResult();
        }
    }

    /// <summary>Waits for a signal, at most for <paramref name="timeout"/>.</summary>
    public static async Task WaitAsync(Task signal, TimeSpan timeout, CancellationToken cancellationToken)
    {
        await Task.WhenAny(signal, Task.Delay(timeout, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
    }

    public void Dispose() => appended.Dispose();
}
