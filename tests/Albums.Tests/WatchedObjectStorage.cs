using Platform.Storage;
using Testing;

namespace Albums.Tests;

/// <summary>Counts what readers of a store hold open and have read.</summary>
internal sealed class WatchedObjectStorage(IObjectStorage inner) : PassedOnObjectStorage(inner)
{
    private int open;
    private int mostOpen;
    private long bytesRead;

    internal int Open => open;

    /// <summary>Most bodies open at a time.</summary>
    internal int MostOpen => mostOpen;

    internal long BytesRead => Interlocked.Read(ref bytesRead);

    internal void Reset() => (mostOpen, bytesRead) = (0, 0);

    public override async Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken)
    {
        var body = await base.ReadAsync(key, range, ifMatch, cancellationToken);
        var now = Interlocked.Increment(ref open);
        for (var most = mostOpen; now > most && Interlocked.CompareExchange(ref mostOpen, now, most) != most; most = mostOpen)
        {
        }

        return new WatchedBody(this, body);
    }

    private sealed class WatchedBody(WatchedObjectStorage store, Stream body) : ReadOnlyStream
    {
        private bool isClosed;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Yield(); // as a network does, so that reads overlap
            var read = await body.ReadAsync(buffer, cancellationToken);
            Interlocked.Add(ref store.bytesRead, read);
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && !isClosed)
            {
                isClosed = true;
                body.Dispose();
                Interlocked.Decrement(ref store.open);
            }

            base.Dispose(disposing);
        }
    }
}
