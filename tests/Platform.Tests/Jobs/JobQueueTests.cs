using System.Diagnostics;
using Platform.Jobs;
using Xunit;

namespace Platform.Tests.Jobs;

public sealed class JobQueueTests
{
    private static readonly JobRetry Quick = new(3, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(10));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_job_runs_after_its_transaction_committed()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync();
        await using var connection = await cluster.Database.OpenConnectionAsync(Cancellation);
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        await node.Queue.EnqueueAsync("a", new Probe("committed"), transaction, Cancellation);
        await Task.Delay(1500, Cancellation);
        Assert.Empty(cluster.Log.Entries);

        await transaction.CommitAsync(Cancellation);

        await cluster.Log.WaitForAsync("done", "committed");
    }

    [Fact]
    public async Task A_job_of_a_rolled_back_transaction_never_runs()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync();
        await using var connection = await cluster.Database.OpenConnectionAsync(Cancellation);
        await using (var transaction = await connection.BeginTransactionAsync(Cancellation))
        {
            await node.Queue.EnqueueAsync("a", new Probe("rolled back"), transaction, Cancellation);
            await transaction.RollbackAsync(Cancellation);
        }

        await node.Queue.EnqueueAsync("b", new Probe("after"), Cancellation);
        await cluster.Log.WaitForAsync("done", "after");
        await Task.Delay(1500, Cancellation);
        Assert.Equal(0, cluster.Log.Count("run", "rolled back"));
    }

    [Fact]
    public async Task A_name_asked_for_by_many_at_once_is_queued_once()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var web = await cluster.StartAsync(work: false);
        var other = await cluster.StartAsync(work: false);
        await Parallel.ForAsync(0, 20, Cancellation, async (number, cancellationToken) =>
            await (number % 2 == 0 ? web : other).Queue.EnqueueAsync("same", new Probe("once"), cancellationToken));

        await cluster.StartAsync();
        await cluster.Log.WaitForAsync("done", "once");
        await Task.Delay(1500, Cancellation);
        Assert.Equal(1, cluster.Log.Count("run", "once"));
    }

    [Fact]
    public async Task A_name_asked_for_again_in_a_transaction_leaves_the_transaction_usable()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync(work: false);
        await node.Queue.EnqueueAsync("same", new Probe("first"), Cancellation);
        await using var connection = await cluster.Database.OpenConnectionAsync(Cancellation);
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        await node.Queue.EnqueueAsync("same", new Probe("second"), transaction, Cancellation);
        await node.Queue.EnqueueAsync("other", new Probe("third"), transaction, Cancellation);
        await transaction.CommitAsync(Cancellation);

        await cluster.StartAsync();
        await cluster.Log.WaitForAsync("done", "first");
        await cluster.Log.WaitForAsync("done", "third");
        Assert.Equal(0, cluster.Log.Count("run", "second"));
    }

    [Fact]
    public async Task A_name_that_is_running_is_not_queued_again()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync();
        await node.Queue.EnqueueAsync("same", new Probe("once", Behaviour.WaitForRelease), Cancellation);
        await cluster.Log.WaitForAsync("run", "once");

        await node.Queue.EnqueueAsync("same", new Probe("once", Behaviour.WaitForRelease), Cancellation);
        cluster.Log.Release();
        await cluster.Log.WaitForAsync("done", "once");
        await Task.Delay(2500, Cancellation);
        Assert.Equal(1, cluster.Log.Count("run", "once"));
    }

    [Fact]
    public async Task A_failing_job_is_tried_again_with_growing_pauses_and_then_given_up_once()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync(retry: Quick with { FirstDelay = TimeSpan.FromSeconds(1) });
        await node.Queue.EnqueueAsync("a", new Probe("failing", Behaviour.Fail), Cancellation);

        await cluster.Log.WaitForAsync("gave up", "failing");
        await Task.Delay(2500, Cancellation);
        Assert.Equal(1, cluster.Log.Count("gave up", "failing"));
        var runs = cluster.Log.Entries.Where(entry => entry.What == "run").Select(entry => entry.At).ToArray();
        Assert.Equal(3, runs.Length);
        Assert.True(runs[1] - runs[0] > TimeSpan.FromSeconds(0.79), $"{runs[1] - runs[0]}");
        Assert.True(runs[2] - runs[1] > TimeSpan.FromSeconds(1.59), $"{runs[2] - runs[1]}");
        await node.StopAsync();
        Assert.Equal(0L, await ScalarAsync(cluster, "select count(*) from quartz.qrtz_job_details"));
    }

    [Theory]
    [InlineData(1, 1.0)]
    [InlineData(2, 2.0)]
    [InlineData(3, 4.0)]
    [InlineData(5, 10.0)]
    [InlineData(1_000, 10.0)]
    public void Pauses_double_up_to_the_longest_give_or_take_a_fifth(int attempt, double seconds)
    {
        var retry = new JobRetry(2_000, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10));
        for (var i = 0; i < 100; i++)
        {
            Assert.InRange(retry.DelayAfter(attempt).TotalSeconds, 0.79 * seconds, 1.21 * seconds);
        }
    }

    [Fact]
    public async Task A_job_whose_failure_could_not_be_recorded_is_given_up_again()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync(retry: Quick);
        await node.Queue.EnqueueAsync("a", new Probe("failing", Behaviour.FailToGiveUpOnce), Cancellation);

        await cluster.Log.WaitForAsync("gave up", "failing", count: 2);
        await Task.Delay(3000, Cancellation);
        Assert.Equal(2, cluster.Log.Count("gave up", "failing"));
    }

    [Fact]
    public async Task A_job_belongs_to_the_trace_that_queued_it()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync();
        using var activity = new Activity("request").AddBaggage("by", "admin").Start();
        await node.Queue.EnqueueAsync("a", new Probe("traced"), Cancellation);

        await cluster.Log.WaitForAsync($"trace {activity.TraceId} by admin", "traced");
    }

    [Fact]
    public async Task A_command_without_a_handler_is_refused_where_it_is_queued()
    {
        await using var cluster = await JobCluster.CreateAsync();
        var node = await cluster.StartAsync(work: false);
        await Assert.ThrowsAsync<InvalidOperationException>(() => node.Queue.EnqueueAsync("a", "no handler", Cancellation));
    }

    private static async Task<object?> ScalarAsync(JobCluster cluster, string sql)
    {
        await using var command = cluster.Database.CreateCommand(sql);
        return await command.ExecuteScalarAsync(Cancellation);
    }
}
