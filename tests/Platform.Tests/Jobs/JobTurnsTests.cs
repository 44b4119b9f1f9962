using Xunit;

namespace Platform.Tests.Jobs;

public sealed class JobTurnsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Every place is taken by heavy jobs, and many more wait before it.</summary>
    [Fact]
    public async Task A_light_job_never_waits_behind_heavy_ones()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync(concurrency: 1);
        for (var i = 0; i < 30; i++)
        {
            await node.Queue.EnqueueAsync($"heavy/{i}", new HeavyProbe($"heavy {i}"), Cancellation);
        }

        await cluster.Log.WaitForAsync("run", "heavy 0");
        await node.Queue.EnqueueAsync("mail", new Probe("mail"), Cancellation);

        await cluster.Log.WaitForAsync("done", "mail");
        Assert.DoesNotContain(cluster.Log.Entries, entry => entry.What == "done" && entry.Text.StartsWith("heavy", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_heavy_job_that_needs_little_does_not_wait_for_those_that_need_much(int concurrency)
    {
        await using var cluster = await JobCluster.CreateAsync();
        await cluster.StartAsync(concurrency: concurrency);
        var node = await cluster.StartAsync(concurrency: concurrency);
        for (var i = 0; i < (2 * concurrency) + 1; i++)
        {
            await node.Queue.EnqueueAsync($"heavy/{i}", new HeavyProbe($"heavy {i}"), Cancellation);
        }

        await cluster.Log.WaitForAsync("run", $"heavy {2 * concurrency}"); // one more than there are places
        await node.Queue.EnqueueAsync("small", new HeavyProbe("small", IsSmall: true), Cancellation);

        await cluster.Log.WaitForAsync("done", "small");
        Assert.Single(cluster.Log.Entries, entry => entry.What == "done"); // the others end only now
    }

    [Fact]
    public async Task A_heavy_job_that_nobody_waits_for_keeps_its_place()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync(concurrency: 1);
        await node.Queue.EnqueueAsync("heavy", new HeavyProbe("heavy"), Cancellation);
        await cluster.Log.WaitForAsync("run", "heavy");
        await node.Queue.EnqueueAsync("mail", new Probe("mail"), Cancellation);
        await cluster.Log.WaitForAsync("done", "mail");

        cluster.Log.Release();
        await cluster.Log.WaitForAsync("done", "heavy");
        Assert.Equal(1, cluster.Log.Count("run", "heavy"));
    }

    /// <summary>What a dead node ran is heavy on the next one, too.</summary>
    [Fact]
    public async Task A_heavy_job_that_was_recovered_takes_turns_like_any_other()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var first = await cluster.StartAsync(concurrency: 1);
        await first.Queue.EnqueueAsync("lost", new HeavyProbe("lost"), Cancellation);
        await cluster.Log.WaitForAsync("run", "lost");
        first.Cut();
        var second = await cluster.StartAsync(concurrency: 1);
        await second.Queue.EnqueueAsync("other", new HeavyProbe("other"), Cancellation);
        await cluster.Log.WaitForAsync("run", "lost", count: 2);

        await cluster.Log.WaitForAsync("run", "other", count: 2);
        await cluster.Log.WaitForAsync("run", "lost", count: 3);
    }
}
