using System.Globalization;
using Platform.Events;

namespace Platform.Costs;

/// <summary>What a module keeps in the store. Each module that keeps something has one.</summary>
public interface IStoredBytes
{
    /// <summary>Bytes by account, from the module's own tables. An account may come more than once.</summary>
    IAsyncEnumerable<(UsageAccount Account, long Bytes)> ReadAsync(CancellationToken cancellationToken);
}

/// <summary>Records once a day what the store holds. Safe to repeat, and on any number of nodes. A day on which it holds nothing has no event.</summary>
internal sealed class MeterStorage(IEnumerable<IStoredBytes> modules, EventStore store, TimeProvider clock)
{
    public async Task MeterAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var day = DateOnly.FromDateTime(now.UtcDateTime);
        var stream = day.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        if ((await store.FoldAsync<StoredUsage, StorageMetered>(stream, cancellationToken)).State.IsMetered)
        {
            return;
        }

        var held = new Dictionary<UsageAccount, long>();
        foreach (var module in modules)
        {
            await foreach (var (account, bytes) in module.ReadAsync(cancellationToken))
            {
                held[account] = held.GetValueOrDefault(account) + bytes;
            }
        }

        UsageLine[] lines = [.. held.Where(pair => pair.Value > 0).Select(pair => new UsageLine(pair.Key, new Usage(StoredBytes: pair.Value)))];
        await store.DecideAsync<StoredUsage, StorageMetered>(
            stream, state => state.IsMetered || lines.Length == 0 ? [] : [new StorageMetered(day, lines, now)], cancellationToken);
    }
}
