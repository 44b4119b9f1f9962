using System.Net.Sockets;
using Testing;

namespace Uploads.Tests;

/// <summary>
/// A TCP proxy before a node that breaks its first connections after so many bytes of requests each, then lets all pass. Where the number is
/// negative, nothing passes any more behind it, but the connection stays until the client gives it up.
/// </summary>
internal sealed class CuttingProxy(Uri target, params IEnumerable<long> cuts) : LoopbackProxy(target.Host, target.Port)
{
    private readonly Queue<long> cuts = new(cuts);
    private readonly TaskCompletionSource stalled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Uri Address => new($"http://127.0.0.1:{Port}");

    public int CutsLeft => cuts.Count;

    /// <summary>Ends when a connection stands still.</summary>
    public Task Stalled => stalled.Task;

    protected override async Task PassAsync(NetworkStream client, NetworkStream server, CancellationToken cancellationToken)
    {
        var answers = server.CopyToAsync(client, cancellationToken);
        await CopyAsync(client, server, cancellationToken);
        server.Socket.Shutdown(SocketShutdown.Send);
        await answers;
    }

    // A connection that only asks (few bytes) is no use of a cut.
    private async Task CopyAsync(NetworkStream from, NetworkStream to, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 << 10];
        var passed = 0L;
        for (int read; (read = await from.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            passed += read;
            switch (NextCut(passed))
            {
                case > 0:
                    throw new IOException("The test cut this connection.");
                case < 0:
                    stalled.TrySetResult();
                    while (await from.ReadAsync(buffer, cancellationToken) > 0)
                    {
                        // Lost on the way.
                    }

                    throw new IOException("The client gave this connection up.");
            }
        }
    }

    private long NextCut(long passed)
    {
        lock (cuts)
        {
            return cuts.TryPeek(out var cut) && passed >= Math.Abs(cut) ? cuts.Dequeue() : 0;
        }
    }
}
