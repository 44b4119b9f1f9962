using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Benchmarks;

/// <summary>
/// A wire of some length to a server on this machine: answers, and the connections themselves, come later. Counts the requests of HTTP/1.1 on it
/// by the end of their first lines, which are nowhere in bodies.
/// </summary>
internal sealed class LongWire : IAsyncDisposable
{
    private const int BlockBytes = 64 * 1024;

    // More than a connection of 25 ms has under way.
    private const int MostBlocks = 256;

    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource ended = new();
    private readonly int port;
    private readonly TimeSpan delay;
    private readonly Task accepting;
    private int requests;

    internal LongWire(int port, TimeSpan delay)
    {
        (this.port, this.delay) = (port, delay);
        listener.Start(backlog: 512);
        accepting = AcceptAsync();
    }

    internal Uri Url => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    internal int Requests => Volatile.Read(ref requests);

    private static ReadOnlySpan<byte> EndOfLine => " HTTP/1.1\r\n"u8;

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await accepting;
        listener.Dispose();
        ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await listener.AcceptSocketAsync(ended.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (client)
        {
            client.NoDelay = true;
            try
            {
                await Task.Delay(delay, ended.Token);
                await server.ConnectAsync(IPAddress.Loopback, port, ended.Token);
                await Task.WhenAll(SendAsync(client, server), AnswerAsync(server, client));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // One of the two has gone.
            }
        }
    }

    private async Task SendAsync(Socket client, Socket server)
    {
        var keep = EndOfLine.Length - 1;
        var block = new byte[keep + BlockBytes]; // begins with the last bytes of the one before
        while (await client.ReceiveAsync(block.AsMemory(keep), ended.Token) is > 0 and var count)
        {
            Count(block.AsSpan(0, keep + count));
            await server.SendAsync(block.AsMemory(keep, count), ended.Token);
            block.AsSpan(count, keep).CopyTo(block);
        }

        server.Shutdown(SocketShutdown.Send);
    }

    private void Count(ReadOnlySpan<byte> bytes)
    {
        for (int at; (at = bytes.IndexOf(EndOfLine)) >= 0; bytes = bytes[(at + EndOfLine.Length)..])
        {
            Interlocked.Increment(ref requests);
        }
    }

    private async Task AnswerAsync(Socket server, Socket client)
    {
        var way = Channel.CreateBounded<(byte[] Block, int Count, long DueAt)>(MostBlocks);
        await Task.WhenAll(ReceiveAsync(), PassOnAsync());

        async Task ReceiveAsync()
        {
            try
            {
                for (var count = 1; count > 0;)
                {
                    var block = ArrayPool<byte>.Shared.Rent(BlockBytes);
                    count = await server.ReceiveAsync(block.AsMemory(), ended.Token);
                    await way.Writer.WriteAsync((block, count, Environment.TickCount64 + (long)delay.TotalMilliseconds), ended.Token);
                }
            }
            finally
            {
                way.Writer.Complete();
            }
        }

        async Task PassOnAsync()
        {
            await foreach (var (block, count, dueAt) in way.Reader.ReadAllAsync(ended.Token))
            {
                if (dueAt - Environment.TickCount64 is > 0 and var wait)
                {
                    await Task.Delay((int)wait, ended.Token);
                }

                await client.SendAsync(block.AsMemory(0, count), ended.Token);
                ArrayPool<byte>.Shared.Return(block);
            }

            client.Shutdown(SocketShutdown.Send);
        }
    }
}
