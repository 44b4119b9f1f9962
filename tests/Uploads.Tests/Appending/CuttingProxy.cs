using System.Net;
using System.Net.Sockets;

namespace Uploads.Tests;

/// <summary>
/// A TCP proxy before a node that breaks its first connections after so many bytes of requests each, then lets all pass. Where the number is
/// negative, nothing passes any more behind it, but the connection stays until the client gives it up.
/// </summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource end = new();
    private readonly Uri target;
    private readonly Queue<long> cuts;
    private readonly TaskCompletionSource stalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task accepting;

    public CuttingProxy(Uri target, params IEnumerable<long> cuts)
    {
        this.target = target;
        this.cuts = new(cuts);
        listener.Start();
        Address = new Uri($"http://{listener.LocalEndpoint}");
        accepting = AcceptAsync();
    }

    public Uri Address { get; }

    public int CutsLeft => cuts.Count;

    /// <summary>Ends when a connection stands still.</summary>
    public Task Stalled => stalled.Task;

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        listener.Stop();
        await accepting;
        end.Dispose();
    }

    private async Task AcceptAsync()
    {
        var running = new List<Task>();
        try
        {
            while (true)
            {
                running.Add(PassAsync(await listener.AcceptTcpClientAsync(end.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(running);
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await server.ConnectAsync(target.Host, target.Port, end.Token);
                var answers = server.GetStream().CopyToAsync(client.GetStream(), end.Token);
                await CopyAsync(client.GetStream(), server.GetStream());
                server.Client.Shutdown(SocketShutdown.Send);
                await answers;
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The end of the test, or one of the two has gone.
            }
        }
    }

    // A connection that only asks (few bytes) is no use of a cut.
    private async Task CopyAsync(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[64 << 10];
        var passed = 0L;
        for (int read; (read = await from.ReadAsync(buffer, end.Token)) > 0;)
        {
            await to.WriteAsync(buffer.AsMemory(0, read), end.Token);
            passed += read;
            switch (NextCut(passed))
            {
                case > 0:
                    throw new IOException("The test cut this connection.");
                case < 0:
                    stalled.TrySetResult();
                    while (await from.ReadAsync(buffer, end.Token) > 0)
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
