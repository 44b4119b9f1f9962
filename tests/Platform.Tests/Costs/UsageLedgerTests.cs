using Platform.Costs;
using Xunit;

namespace Platform.Tests.Costs;

public sealed class UsageLedgerTests
{
    private static readonly UsageAccount Album = new("albums", "ann-bob", AlbumId: new Guid(1, 0, 0, new byte[8]));

    private TimeSpan processorTime;

    [Fact]
    public async Task Work_is_charged_to_whom_its_flow_names_else_to_the_owner_of_the_key_else_to_nobody()
    {
        var ledger = Ledger();
        var write = new Usage(ClassAOperations: 1);
        using (ledger.Charge(Album))
        {
            ledger.Add("creator/ann/photo.jpg", write);
            await Task.WhenAll(Task.Factory.StartNew(() => ledger.Add("sites/music/objects/1", write), TestContext.Current.CancellationToken));
            using (ledger.Charge(new UsageAccount("uploads", "cid-dan")))
            {
                ledger.Add("creator/ann/photo.jpg", write);
            }

            ledger.Add("", new Usage(BytesOut: 7));
        }

        ledger.Add("sites/music/objects/1", write);
        ledger.Add("elsewhere", write);
        Assert.Equal(
            [
                new(Album, new Usage(ClassAOperations: 2, BytesOut: 7)),
                new(new UsageAccount("uploads", "cid-dan"), write),
                new(new UsageAccount("sites", Site: "music"), write),
                new(UsageAccount.Nobody, write),
            ],
            ledger.Take());
        Assert.Empty(ledger.Take());
    }

    [Fact]
    public void Nothing_is_lost_or_counted_twice_between_threads()
    {
        var ledger = Ledger();
        var taken = new List<UsageLine>();
        using var done = new ManualResetEventSlim();
        var taking = new Thread(() =>
        {
            while (!done.IsSet)
            {
                taken.AddRange(ledger.Take());
            }
        });
        taking.Start();
        Parallel.For(0, 100_000, i => ledger.Add($"sites/{i % 3}/x", new Usage(BytesIn: i)));
        done.Set();
        taking.Join();
        taken.AddRange(ledger.Take());
        Assert.Equal(100_000L * 99_999 / 2, taken.Sum(line => line.Usage.BytesIn));
    }

    [Fact]
    public void Processor_time_is_shared_by_what_was_moved_to_the_microsecond()
    {
        var ledger = Ledger();
        processorTime = TimeSpan.FromSeconds(5); // before work began: nobody's
        ledger.Add("sites/a/x", new Usage(BytesIn: 1_000_000));
        ledger.Add("sites/b/x", new Usage(BytesOut: 2_000_000));
        processorTime += TimeSpan.FromMicroseconds(1_000_001);
        var lines = ledger.Take();
        Assert.Equal([333_333L, 666_667L, 5_000_001L], lines.Select(line => line.Usage.CpuMicroseconds));
        Assert.Equal(UsageAccount.Nobody, lines[^1].Account);

        processorTime += TimeSpan.FromTicks(15); // a microsecond and a half
        Assert.Equal(1, Assert.Single(ledger.Take()).Usage.CpuMicroseconds);
        processorTime += TimeSpan.FromTicks(5);
        Assert.Equal(1, Assert.Single(ledger.Take()).Usage.CpuMicroseconds);
    }

    private UsageLedger Ledger() =>
        new([new KeyOwner("sites/", key => new UsageAccount("sites", Site: key.Split('/')[1]))], () => processorTime);
}
