using System.Net.Sockets;
using Platform.Storage;

namespace Platform.Http;

/// <summary>A connection that breaks off where the other side keeps a read or write waiting too long.</summary>
internal sealed class StallLimitedStream(Socket socket, TimeSpan limit) : NetworkStream(socket, ownsSocket: true)
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var timer = new StallTimer(limit, cancellationToken);
        try
        {
            return await base.ReadAsync(buffer, timer.Token);
        }
        catch (OperationCanceledException e) when (timer.HasFired)
        {
            throw Stalled(e);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var timer = new StallTimer(limit, cancellationToken);
        try
        {
            await base.WriteAsync(buffer, timer.Token);
        }
        catch (OperationCanceledException e) when (timer.HasFired)
        {
            throw Stalled(e);
        }
    }

    private IOException Stalled(Exception e) => new($"The other side was silent for {limit.TotalSeconds:0.#} s.", e);
}
