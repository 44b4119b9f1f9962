using System.Diagnostics;
using Platform.Jobs;
using Xunit;

namespace Platform.Tests.Jobs;

public sealed class JobRecoveryTests
{
    private static readonly JobRetry Quick = new(3, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(10));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_retry_survives_the_node_that_asked_for_it()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var first = await cluster.StartAsync(retry: Quick with { FirstDelay = TimeSpan.FromSeconds(4) });
        await first.Queue.EnqueueAsync("a", new Probe("failing", Behaviour.Fail), Cancellation);

        // The first attempt is over and the second not yet due: what the node has begun would be begun anew.
        await cluster.WaitUntilAsync("""
            select exists (select from quartz.qrtz_triggers where trigger_name = 'a#2')
                and not exists (select from quartz.qrtz_fired_triggers where trigger_name = 'a#1')
            """);
        first.Cut();

        await cluster.StartAsync(retry: Quick with { Attempts = 2 });
        await cluster.Log.WaitForAsync("gave up", "failing");
        Assert.Equal(2, cluster.Log.Count("run", "failing"));
    }

    [Fact]
    public async Task Another_node_takes_over_within_five_seconds_of_a_crash()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync();
        await node.Queue.EnqueueAsync("a", new Probe("long", Behaviour.WaitForRelease), Cancellation);
        await cluster.Log.WaitForAsync("run", "long");
        await AssertWithinAsync(TimeSpan.FromSeconds(5), async round =>
        {
            var next = await cluster.StartAsync();
            await Task.Delay(2000, Cancellation);
            Assert.Equal(round, cluster.Log.Count("run", "long"));

            node.Cut();
            node = next;
            return await NextRunAsync(cluster, round + 1);
        });
    }

    [Fact]
    public async Task A_single_node_takes_up_its_own_jobs_within_five_seconds_of_its_start()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync();
        await node.Queue.EnqueueAsync("a", new Probe("long", Behaviour.WaitForRelease), Cancellation);
        await cluster.Log.WaitForAsync("run", "long");
        await AssertWithinAsync(TimeSpan.FromSeconds(5), async round =>
        {
            node.Cut();
            node = await cluster.StartAsync();
            return await NextRunAsync(cluster, round + 1);
        });
    }

    [Fact]
    public async Task A_name_that_is_being_recovered_is_not_queued_again()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var first = await cluster.StartAsync();
        await first.Queue.EnqueueAsync("same", new Probe("long", Behaviour.WaitForRelease), Cancellation);
        await cluster.Log.WaitForAsync("run", "long");
        first.Cut();
        var second = await cluster.StartAsync();
        await cluster.Log.WaitForAsync("run", "long", count: 2);

        await second.Queue.EnqueueAsync("same", new Probe("long", Behaviour.WaitForRelease), Cancellation);
        await Task.Delay(2500, Cancellation);
        Assert.Equal(2, cluster.Log.Count("run", "long"));
    }

    [Fact]
    public async Task A_stopping_node_cancels_its_jobs_and_another_goes_on_at_once_without_counting_a_failure()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var once = new JobRetry(1, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));
        var node = await cluster.StartAsync(retry: once);
        await node.Queue.EnqueueAsync("a", new Probe("long", Behaviour.WaitForRelease), Cancellation);
        await cluster.Log.WaitForAsync("run", "long");
        await AssertWithinAsync(TimeSpan.FromSeconds(3), async round =>
        {
            var next = await cluster.StartAsync(retry: once);
            await node.StopAsync();
            Assert.Equal(round, cluster.Log.Count("cancelled", "long"));
            node = next;
            return await NextRunAsync(cluster, round + 1);
        });
        cluster.Log.Release();
        await cluster.Log.WaitForAsync("done", "long");
        Assert.Equal(0, cluster.Log.Count("gave up", "long"));
    }

    /// <summary>A host that is stopped by two at once is disposed by whoever is ready first.</summary>
    [Fact]
    public async Task Who_stops_a_node_a_second_time_waits_until_it_has_stopped()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync();
        await node.Queue.EnqueueAsync("a", new Probe("long", Behaviour.WaitForRelease), Cancellation);
        await cluster.Log.WaitForAsync("run", "long");
        var (first, second) = (node.StopJobsAsync(), node.StopJobsAsync());
        await second;
        Assert.True(first.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_job_that_was_cut_off_is_run_when_the_only_node_comes_back()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var first = await cluster.StartAsync();
        await first.Queue.EnqueueAsync("a", new Probe("long", Behaviour.WaitForRelease), Cancellation);
        await cluster.Log.WaitForAsync("run", "long");
        await first.StopAsync();

        await cluster.StartAsync();
        await cluster.Log.WaitForAsync("run", "long", count: 2);
    }

    [Fact]
    public async Task Many_nodes_start_at_once_on_an_empty_database()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var nodes = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => cluster.StartAsync()));
        await Task.WhenAll(nodes.Select((node, number) => node.Queue.EnqueueAsync($"job {number}", new Probe($"{number}"), Cancellation)));
        for (var number = 0; number < nodes.Length; number++)
        {
            await cluster.Log.WaitForAsync("done", $"{number}");
        }
    }

    /// <summary>A busy machine may hold up many a round, counted from 1: the fastest takes no longer than is promised.</summary>
    private static async Task AssertWithinAsync(TimeSpan promised, Func<int, Task<TimeSpan>> takeOverAsync)
    {
        var fastest = TimeSpan.MaxValue;
        for (var round = 1; round <= 5 && fastest > promised; round++)
        {
            var elapsed = await takeOverAsync(round);
            fastest = elapsed < fastest ? elapsed : fastest;
        }

        Assert.True(fastest <= promised, $"{fastest}");
    }

    private static async Task<TimeSpan> NextRunAsync(JobCluster cluster, int count)
    {
        var watch = Stopwatch.StartNew();
        await cluster.Log.WaitForAsync("run", "long", count);
        return watch.Elapsed;
    }
}
