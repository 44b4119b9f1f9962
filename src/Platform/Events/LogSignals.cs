using System.Collections.Concurrent;

namespace Platform.Events;

/// <summary>
/// Wakes whoever waits for new events in this process, of a stream or of a type, and collects the names of what this process appended until they
/// are told to all processes. Only a hint: a signal may be early, doubled or lost, so waiters look at the tables and wait for a bounded time.
/// </summary>
internal sealed class LogSignals : IDisposable
{
    // Names beyond this many are not worth telling apart: everybody is woken.
    private const int MaxNames = 64;

    private readonly ConcurrentDictionary<string, TaskCompletionSource> waiters = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim appended = new(0, 1);
    private readonly Lock gate = new();
    private HashSet<string> names = new(StringComparer.Ordinal);

    /// <summary>The name under which subscriptions wait beside those of their types.</summary>
    public const string Subscriptions = "/";

    /// <summary>The name of events of a stored type. No stream has it.</summary>
    public static string OfType(string eventType) => $"/{eventType}";

    public void Appended(params IEnumerable<string> appendedNames)
    {
        lock (gate)
        {
            if (names.Count <= MaxNames)
            {
                names.UnionWith(appendedNames);
            }

            if (appended.CurrentCount == 0)
            {
                appended.Release();
            }
        }
    }

    /// <summary>Waits for appends of this process and takes their names; none where they are too many.</summary>
    public async Task<IReadOnlyCollection<string>> TakeAppendedAsync(CancellationToken cancellationToken)
    {
        await appended.WaitAsync(cancellationToken);
        lock (gate)
        {
            var taken = names;
            names = new(StringComparer.Ordinal);
            return taken.Count > MaxNames ? [] : taken;
        }
    }

    /// <summary>Wakes the waiters of these names; everybody where there is none.</summary>
    public void Wake(IReadOnlyCollection<string> wokenNames)
    {
        foreach (var name in wokenNames.Count > 0 ? wokenNames : [.. waiters.Keys])
        {
            Release(name);
        }
    }

    /// <summary>The next signal of a name. Take it before looking at the tables, so that no append falls between.</summary>
    public Task Next(string name) =>
        waiters.GetOrAdd(name, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Ends the waiting for a name that there may be no signal of again. Others that wait for it look once more.</summary>
    public void Release(string name)
    {
        if (waiters.TryRemove(name, out var waiter))
        {
            waiter.TrySetResult();
        }
    }

    /// <summary>Waits for a signal, at most for <paramref name="timeout"/>; true where it came.</summary>
    public static async Task<bool> WaitAsync(Task signal, TimeSpan timeout, CancellationToken cancellationToken)
    {
        await Task.WhenAny(signal, Task.Delay(timeout, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        return signal.IsCompleted;
    }

    public void Dispose() => appended.Dispose();
}
