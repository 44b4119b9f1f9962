using System.Buffers;
using System.Net.Sockets;
using System.Threading.Channels;
using Testing;

namespace Benchmarks;

/// <summary>
/// A wire of some length to a server on this machine: answers, and the connections themselves, come later. Counts the requests of HTTP/1.1 on it
/// by the end of their first lines, which are nowhere in bodies.
/// </summary>
internal sealed class LongWire(int port, TimeSpan delay) : LoopbackProxy("127.0.0.1", port)
{
    private const int BlockBytes = 64 * 1024;

    // More than a connection of 25 ms has under way.
    private const int MostBlocks = 256;

    private int requests;

    internal Uri Url => new($"http://127.0.0.1:{Port}");

    internal int Requests => Volatile.Read(ref requests);

    private static ReadOnlySpan<byte> EndOfLine => " HTTP/1.1\r\n"u8;

    protected override async Task PassAsync(NetworkStream client, NetworkStream server, CancellationToken cancellationToken)
    {
        await Task.Delay(delay, cancellationToken);
        await Task.WhenAll(SendAsync(client, server, cancellationToken), AnswerAsync(server, client, cancellationToken));
    }

    private async Task SendAsync(NetworkStream client, NetworkStream server, CancellationToken cancellationToken)
    {
        var keep = EndOfLine.Length - 1;
        var block = new byte[keep + BlockBytes]; // begins with the last bytes of the one before
        while (await client.ReadAsync(block.AsMemory(keep), cancellationToken) is > 0 and var count)
        {
            Count(block.AsSpan(0, keep + count));
            await server.WriteAsync(block.AsMemory(keep, count), cancellationToken);
            block.AsSpan(count, keep).CopyTo(block);
        }

        server.Socket.Shutdown(SocketShutdown.Send);
    }

    private void Count(ReadOnlySpan<byte> bytes)
    {
        for (int at; (at = bytes.IndexOf(EndOfLine)) >= 0; bytes = bytes[(at + EndOfLine.Length)..])
        {
            Interlocked.Increment(ref requests);
        }
    }

    private async Task AnswerAsync(NetworkStream server, NetworkStream client, CancellationToken cancellationToken)
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
                    count = await server.ReadAsync(block, cancellationToken);
                    await way.Writer.WriteAsync((block, count, Environment.TickCount64 + (long)delay.TotalMilliseconds), cancellationToken);
                }
            }
            finally
            {
                way.Writer.Complete();
            }
        }

        async Task PassOnAsync()
        {
            await foreach (var (block, count, dueAt) in way.Reader.ReadAllAsync(cancellationToken))
            {
                if (dueAt - Environment.TickCount64 is > 0 and var wait)
                {
                    await Task.Delay((int)wait, cancellationToken);
                }

                await client.WriteAsync(block.AsMemory(0, count), cancellationToken);
                ArrayPool<byte>.Shared.Return(block);
            }

            client.Socket.Shutdown(SocketShutdown.Send);
        }
    }
}
