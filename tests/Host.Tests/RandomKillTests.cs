using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>The real host, killed fifty times at random while it makes albums of several hundred megabytes.</summary>
[Trait("Category", "Long")]
public sealed class RandomKillTests
{
    private const int Kills = 50;
    private const long BytesInFlight = 8 * (8 << 20);

    // What a start reads of its own files. The proxy counts objects, but the kernel counts all that is read.
    private const long BytesOfAStart = 4 << 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Fifty_random_kills_change_no_byte_and_cost_only_the_parts_in_flight(bool onS3)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        TestContext.Current.SendDiagnosticMessage($"Random kills with seed {seed}.");
        await using var cluster = await HostCluster.StartAsync(onS3 ? await CephServer.TlsBucketAsync() : null, videos: 3, videoMiB: 100);
        var host = await cluster.StartHostAsync();
        var undisturbed = await HostCluster.HashAsync(host, await cluster.RequestAsync(host));
        var (kills, albums, again) = (0, 0, 0L);
        while (kills < Kills)
        {
            var before = cluster.Proxy?.BytesRead(cluster.Prefix) ?? 0;
            var (killsBefore, read, readBefore) = (kills, 0L, host.BytesRead());
            var album = await cluster.RequestAsync(host);
            while (await LivesOnAsync(cluster, album, attempt: kills - killsBefore + 1, random))
            {
                host.Pause();
                read += host.BytesRead() - readBefore;
                await host.KillAsync();
                kills++;
                host = await cluster.StartHostAsync();
                readBefore = host.BytesRead();
            }

            read += host.BytesRead() - readBefore;
            read = cluster.Proxy is { } proxy ? proxy.BytesRead(cluster.Prefix) - before : read;
            var killed = kills - killsBefore;
            var size = await cluster.Events.BytesAsync(album);

            // A part that is sent again lies beside the folder's file, and the kernel copies it in at the end: it counts that, too.
            var most = onS3 ? size + (killed * BytesInFlight) : size + (killed * BytesInFlight * 2) + ((killed + 1) * BytesOfAStart);
            Assert.True(read <= most, $"{killed} kills, {size} bytes, and {read} were read.");
            again += Math.Max(0, read - size);
            albums++;
            Assert.Equal(undisturbed, await HostCluster.HashAsync(host, album));
            await cluster.Events.AssertEachOnceAsync(album);
            using var deleted = await host.Client.DeleteAsync(album, Cancellation); // the store may keep its objects in memory
            deleted.EnsureSuccessStatusCode();
        }

        TestContext.Current.SendDiagnosticMessage($"{kills} kills in {albums} albums; {again >> 20} MiB were read again, {again / kills >> 20} MiB a kill.");
    }

    // Returns in the middle of the attempt, or once the album is complete.
    private static async Task<bool> LivesOnAsync(HostCluster cluster, string album, int attempt, Random random)
    {
        var delay = TimeSpan.FromMilliseconds(random.Next(1500));
        while (await cluster.Events.CountAsync(album, "attempt_started") < attempt && await cluster.Events.CountAsync(album, "album_completed") == 0)
        {
            await Task.Delay(5, Cancellation);
        }

        await Task.Delay(delay, Cancellation);
        return await cluster.Events.CountAsync(album, "album_completed") == 0;
    }
}
