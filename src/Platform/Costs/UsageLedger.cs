using System.Threading.Channels;

namespace Platform.Costs;

/// <summary>
/// What this process used and did not record yet, by account. Work is charged to the account that its flow of control names by
/// <see cref="Charge"/>, else to the owner of the object's key. Safe from any thread.
/// </summary>
public sealed class UsageLedger
{
    // What an operation weighs when processor time is shared out, in bytes: signing, sending and parsing cost as much as moving so many.
    private const long BytesPerOperation = 64 << 10;

    private readonly AsyncLocal<UsageAccount?> current = new();
    private readonly Lock guard = new();
    private readonly Channel<bool> asked = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly IReadOnlyList<KeyOwner> owners;
    private readonly Func<TimeSpan> processorTime;
    private Dictionary<UsageAccount, Usage> open = [];
    private TimeSpan settled;
    private long idleMicroseconds;

    /// <param name="processorTime">What the process used of the processors so far.</param>
    internal UsageLedger(IEnumerable<KeyOwner> owners, Func<TimeSpan> processorTime)
    {
        this.owners = [.. owners];
        this.processorTime = processorTime;
        settled = processorTime();
    }

    /// <summary>From here to the disposal of what it returns, the work of this flow of control, and of what it starts, is for <paramref name="account"/>.</summary>
    public IDisposable Charge(UsageAccount account)
    {
        var former = current.Value;
        current.Value = account;
        return new Charged(this, former);
    }

    /// <summary>Adds what others did for an account without this process, once it hears of it.</summary>
    public void Add(UsageAccount account, in Usage usage)
    {
        lock (guard)
        {
            if (open.Count == 0)
            {
                idleMicroseconds += Settle();
            }

            open[account] = open.GetValueOrDefault(account) + usage;
        }
    }

    /// <summary>Does not wait for the next time that usage is recorded.</summary>
    public void RecordSoon() => asked.Writer.TryWrite(true);

    /// <summary>Has an item where somebody does not want to wait.</summary>
    internal ChannelReader<bool> Asked => asked.Reader;

    /// <summary>Adds work on an object, or on those below a prefix.</summary>
    internal void Add(string key, in Usage usage) => Add(
        current.Value ?? owners.FirstOrDefault(owner => key.StartsWith(owner.Prefix, StringComparison.Ordinal))?.AccountOf(key) ?? UsageAccount.Nobody, usage);

    /// <summary>
    /// Takes everything out. Processor time since work began is shared among the accounts by what they moved, to the microsecond; what passed
    /// before, while nothing moved, is nobody's.
    /// </summary>
    internal IReadOnlyList<UsageLine> Take()
    {
        lock (guard)
        {
            var lines = Share(open, Settle(), idleMicroseconds);
            (open, idleMicroseconds) = ([], 0);
            return lines;
        }
    }

    internal static IReadOnlyList<UsageLine> Share(IReadOnlyDictionary<UsageAccount, Usage> usages, long microseconds, long idleMicroseconds)
    {
        var total = usages.Values.Sum(WeightOf);
        var shared = usages.Select(pair => new UsageLine(pair.Key, pair.Value with { CpuMicroseconds = ShareOf(pair.Value) })).ToList();
        var rest = idleMicroseconds + microseconds - shared.Sum(line => line.Usage.CpuMicroseconds);
        return rest == 0 ? shared : [.. shared, new UsageLine(UsageAccount.Nobody, new Usage(CpuMicroseconds: rest))];

        // Rounded down: what is left over belongs to nobody.
        long ShareOf(Usage usage) => total == 0 ? 0 : (long)((Int128)microseconds * WeightOf(usage) / total);
    }

    private long Settle()
    {
        var microseconds = (long)(processorTime() - settled).TotalMicroseconds;
        settled += TimeSpan.FromMicroseconds(microseconds);
        return microseconds;
    }

    private static long WeightOf(Usage usage) => usage.BytesIn + usage.BytesOut
        + (BytesPerOperation * (usage.ClassAOperations + usage.ClassBOperations + usage.FreeOperations));

    private sealed class Charged(UsageLedger ledger, UsageAccount? former) : IDisposable
    {
        public void Dispose() => ledger.current.Value = former;
    }
}

/// <summary>Whose the objects below a prefix are, where nobody said whom the work on them is for.</summary>
public sealed record KeyOwner(string Prefix, Func<string, UsageAccount> AccountOf);
