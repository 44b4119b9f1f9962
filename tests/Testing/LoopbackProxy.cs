using System.Net;
using System.Net.Sockets;

namespace Testing;

/// <summary>Stands before a server: each connection to it gets one of its own to the server, until it is disposed.</summary>
public abstract class LoopbackProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource end = new();
    private readonly string host;
    private readonly int port;
    private readonly Task accepting;

    protected LoopbackProxy(string host, int port)
    {
        (this.host, this.port) = (host, port);
        listener.Start(backlog: 512);
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await accepting;
        listener.Dispose();
        end.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Passes on what comes. Both connections are closed when it ends; it may throw what tells that one of them is gone.</summary>
    protected abstract Task PassAsync(NetworkStream client, NetworkStream server, CancellationToken cancellationToken);

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await listener.AcceptTcpClientAsync(end.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient())
        {
            client.NoDelay = server.NoDelay = true;
            try
            {
                await server.ConnectAsync(host, port, end.Token);
                await PassAsync(client.GetStream(), server.GetStream(), end.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
            {
                // One of the two has gone, or nobody needs the proxy any more.
            }
        }
    }
}
