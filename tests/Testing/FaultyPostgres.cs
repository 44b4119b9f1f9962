using System.Buffers.Binary;
using System.Net.Sockets;
using Npgsql;

namespace Testing;

/// <summary>
/// A proxy before the real Postgres that breaks the connection at the n-th round trip, over all connections: the statement either never
/// arrives, or is executed and its answer is lost. For crash tests: after the fault everything works again.
/// </summary>
public sealed class FaultyPostgres : LoopbackProxy
{
    private const byte Sync = (byte)'S';
    private const byte SimpleQuery = (byte)'Q';
    private const byte ReadyForQuery = (byte)'Z';

    private int failAtCall;
    private bool failAfter;
    private int calls;

    public FaultyPostgres(string connectionString)
        : this(new NpgsqlConnectionStringBuilder(connectionString))
    {
    }

    private FaultyPostgres(NpgsqlConnectionStringBuilder real)
        : base(real.Host!, real.Port)
    {
        if (real.Host!.StartsWith('/'))
        {
            throw new NotSupportedException("FaultyPostgres needs a cluster that listens on TCP.");
        }

        ConnectionString = new NpgsqlConnectionStringBuilder(real.ConnectionString)
        {
            Host = "127.0.0.1",
            Port = Port,
            SslMode = SslMode.Disable,
            GssEncryptionMode = GssEncryptionMode.Disable,
        }.ConnectionString;
    }

    /// <summary>The same database, through the proxy.</summary>
    public string ConnectionString { get; }

    /// <summary>Round trips since the last <see cref="FailAt"/>.</summary>
    public int Calls => calls;

    /// <summary>Breaks the connection at the given round trip from now on, counted from 1; 0 for never.</summary>
    /// <param name="afterEffect">Let the statement be executed, and lose its answer.</param>
    public void FailAt(int call, bool afterEffect)
    {
        failAtCall = 0; // a call beside this one does not meet the earlier number while the count begins anew
        calls = 0;
        failAfter = afterEffect;
        failAtCall = call;
    }

    protected override async Task PassAsync(NetworkStream client, NetworkStream server, CancellationToken cancellationToken)
    {
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var muted = new Box();
        var up = UpAsync(client, server, muted, lost.Token);
        var down = DownAsync(server, client, muted, lost.Token);
        await Task.WhenAny(up, down);
        await lost.CancelAsync();
        client.Close();
        server.Close();
        await Task.WhenAll(up, down);
    }

    private async Task UpAsync(NetworkStream client, NetworkStream server, Box muted, CancellationToken cancellationToken)
    {
        var started = false;
        while (await ReadMessageAsync(client, typed: started, cancellationToken) is { } message)
        {
            if (started && message[0] is Sync or SimpleQuery && Interlocked.Increment(ref calls) == failAtCall)
            {
                if (!failAfter)
                {
                    return;
                }

                muted.Value = true;
            }

            started = true;
            await server.WriteAsync(message, cancellationToken);
        }
    }

    private static async Task DownAsync(NetworkStream server, NetworkStream client, Box muted, CancellationToken cancellationToken)
    {
        while (await ReadMessageAsync(server, typed: true, cancellationToken) is { } message)
        {
            if (!muted.Value)
            {
                await client.WriteAsync(message, cancellationToken);
            }
            else if (message[0] == ReadyForQuery)
            {
                return;
            }
        }
    }

    // Every message is a type byte and a big-endian length that counts itself; the very first has no type.
    private static async Task<byte[]?> ReadMessageAsync(NetworkStream stream, bool typed, CancellationToken cancellationToken)
    {
        var header = new byte[typed ? 5 : 4];
        if (await stream.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, cancellationToken) < header.Length)
        {
            return null;
        }

        var length = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(typed ? 1 : 0));
        var message = new byte[header.Length + length - 4];
        header.CopyTo(message, 0);
        await stream.ReadExactlyAsync(message.AsMemory(header.Length), cancellationToken);
        return message;
    }

    private sealed class Box
    {
        internal volatile bool Value;
    }
}
