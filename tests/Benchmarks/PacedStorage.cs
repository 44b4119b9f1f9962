using Platform.Storage;
using Testing;

namespace Benchmarks;

/// <summary>A store behind a line of limited and changing pace: what is read shares it block by block, and each request waits first.</summary>
internal sealed class PacedStorage(IObjectStorage inner, Line line, TimeSpan latency) : PassedOnObjectStorage(inner)
{
    public override async Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken)
    {
        await Task.Delay(latency, cancellationToken);
        return new PacedStream(await base.ReadAsync(key, range, ifMatch, cancellationToken), line);
    }

    public override async Task<StoredPart> CopyPartAsync(
        MultipartUpload upload, PartSlot part, string sourceKey, long sourceOffsetBytes, string sourceETag, CancellationToken cancellationToken)
    {
        await line.PassAsync(part.SizeBytes, cancellationToken);
        return await base.CopyPartAsync(upload, part, sourceKey, sourceOffsetBytes, sourceETag, cancellationToken);
    }

    private sealed class PacedStream(Stream inner, Line line) : ReadOnlyStream
    {
        private const int BlockBytes = 128 * 1024;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer[..Math.Min(buffer.Length, BlockBytes)], cancellationToken);
            await line.PassAsync(read, cancellationToken);
            return read;
        }

        public override async ValueTask DisposeAsync()
        {
            await inner.DisposeAsync();
            await base.DisposeAsync();
        }
    }
}

/// <param name="bytesPerSecond">By the seconds since the line is there.</param>
internal sealed class Line(Func<double, double> bytesPerSecond)
{
    private readonly Lock gate = new();
    private readonly long start = TimeProvider.System.GetTimestamp();
    private double freeAt;

    internal async Task PassAsync(long bytes, CancellationToken cancellationToken)
    {
        double wait;
        lock (gate)
        {
            var now = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
            freeAt = Math.Max(freeAt, now) + (bytes / bytesPerSecond(now));
            wait = freeAt - now;
        }

        if (wait > 0.002)
        {
            await Task.Delay(TimeSpan.FromSeconds(wait), cancellationToken);
        }
    }
}
