using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>
/// The real host, killed or paused in the middle of a ZIP: it goes on where it stopped, or another node does; what was safe is not read
/// again, and the bytes are those of an undisturbed run.
/// </summary>
public sealed class KilledHostTests
{
    private const long BytesInFlight = 8 * (8 << 20);

    // What docs/operations.md promises is five seconds; a machine that is busy otherwise gets longer.
    private static readonly TimeSpan LongestTakeover = TimeSpan.FromSeconds(15);

    /// <summary>640 MB are eighty parts, of which the kills see five, twenty and forty.</summary>
    [Fact]
    public async Task A_host_killed_three_times_makes_the_same_ZIP_and_reads_nothing_twice_that_was_safe()
    {
        await using var cluster = await HostCluster.StartAsync(bucket: null, videos: 4, videoMiB: 150);
        var host = await cluster.StartHostAsync();
        var undisturbed = await HostCluster.HashAsync(host, await cluster.RequestAsync(host));
        await using var gate = await cluster.CloseGateAsync(parts: 5);
        var album = await cluster.RequestAsync(host);
        foreach (var (parts, next) in new[] { (5, 20), (20, 40), (40, int.MaxValue) })
        {
            await cluster.Events.WaitForAsync(album, "part_stored", parts);
            await host.KillAsync();
            await gate.MoveAsync(next);
            host = await cluster.StartHostAsync();
        }

        Assert.Equal(undisturbed, await HostCluster.HashAsync(host, album));
        await cluster.Events.AssertEachOnceAsync(album);
        await cluster.Events.AssertReadOnceAsync(album, BytesInFlight);
    }

    [Fact]
    public async Task When_a_worker_is_killed_another_node_finishes_its_album()
    {
        await using var cluster = await HostCluster.StartAsync(bucket: null, videos: 4, videoMiB: 150);
        var (worker, other, album, undisturbed, gate) = await StartTwoAsync(cluster);
        await worker.KillAsync();
        var killedAt = DateTime.UtcNow;
        await gate.DisposeAsync();

        Assert.Equal(undisturbed, await HostCluster.HashAsync(other, album));
        await cluster.Events.AssertEachOnceAsync(album);
        await cluster.Events.AssertReadOnceAsync(album, BytesInFlight);
        var takeover = (await cluster.Events.AttemptAsync(album, 2)).At - killedAt;
        TestContext.Current.SendDiagnosticMessage($"Taken over {takeover.TotalSeconds:0.0} s after the kill.");
        Assert.True(takeover < LongestTakeover, $"Nobody took the album over for {takeover.TotalSeconds:0.0} s.");
    }

    /// <summary>It goes on in the middle of the other's work: both of them pack the same album for a while.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_worker_that_pauses_is_replaced_and_does_no_harm_when_it_goes_on(bool onS3) =>
        await PauseAsync(onS3, TimeSpan.Zero);

    /// <summary>It goes on when its connections, leases and locks are long gone.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Category", "Long")]
    public async Task A_worker_that_pauses_for_a_quarter_of_a_minute_does_no_harm_when_it_goes_on(bool onS3) =>
        await PauseAsync(onS3, TimeSpan.FromSeconds(15));

    private static async Task PauseAsync(bool onS3, TimeSpan pause)
    {
        await using var cluster = await HostCluster.StartAsync(onS3 ? await CephServer.TlsBucketAsync() : null, videos: 2, videoMiB: onS3 ? 100 : 300);
        if (cluster.Proxy is { } proxy)
        {
            // Slow enough that both are at work at the same time.
            proxy.Latency = () => TimeSpan.FromMilliseconds(100);
        }

        var (worker, other, album, undisturbed, gate) = await StartTwoAsync(cluster);
        worker.Pause();
        var pausedAt = DateTime.UtcNow;
        await gate.DisposeAsync();
        while ((await cluster.Events.AttemptAsync(album, 2)).At == default || DateTime.UtcNow < pausedAt + pause)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        var (rival, at) = await cluster.Events.AttemptAsync(album, 2);
        Assert.Equal(other.ProcessId, rival);
        TestContext.Current.SendDiagnosticMessage($"Taken over {(at - pausedAt).TotalSeconds:0.0} s after the pause began.");
        worker.GoOn();

        Assert.Equal(undisturbed, await HostCluster.HashAsync(other, album));
        await cluster.SettleAsync();
        Assert.Equal(undisturbed, await HostCluster.HashAsync(worker, album));
        await cluster.Events.AssertEachOnceAsync(album);
    }

    // Until the gate is disposed, the album is in the middle.
    private static async Task<(RunningHost Worker, RunningHost Other, string Album, string Undisturbed, PartGate Gate)> StartTwoAsync(HostCluster cluster)
    {
        var (first, second) = (await cluster.StartHostAsync(), await cluster.StartHostAsync());
        var undisturbed = await HostCluster.HashAsync(first, await cluster.RequestAsync(first));
        var gate = await cluster.CloseGateAsync(parts: 5);
        var album = await cluster.RequestAsync(first);
        await cluster.Events.WaitForAsync(album, "part_stored", 5);
        var (worker, _) = await cluster.Events.AttemptAsync(album, 1);
        return worker == first.ProcessId ? (first, second, album, undisturbed, gate) : (second, first, album, undisturbed, gate);
    }
}
