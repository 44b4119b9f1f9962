using System.Buffers;
using System.IO.Pipelines;
using Platform.Events;
using Platform.Storage;

namespace Uploads;

/// <summary>
/// The body of one chunk on its way to the store, read once: counts it, computes its CRC-32 and holds its end back until everything
/// promised about it turned out true. A body that is too long, too short or damaged ends in an exception before its last byte was
/// handed on, so the store, which takes a part whole or not at all, keeps the part it had.
/// </summary>
/// <param name="sizeBytes">More than 0.</param>
internal sealed class ChunkBody(PipeReader source, long sizeBytes, ChunkChecksums checksums) : Crc32Stream
{
    private readonly long expected = sizeBytes;
    private long remaining = sizeBytes;

    public override uint Crc32 => checksums.Crc32;

    /// <summary>What went wrong with the body, if anything did. Stores wrap it into errors of their own.</summary>
    public Exception? Failure { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (remaining == 0 || buffer.IsEmpty)
            return 0;

        try
        {
            return await ReadNextAsync(buffer, cancellationToken);
        }
        catch (Exception e) when (Note(e))
        {
            throw;
        }
    }

    private async ValueTask<int> ReadNextAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var read = await source.ReadAsync(cancellationToken);

        // The last bytes wait until the body is known to end behind them, or to be too long.
        while (!read.IsCompleted && (read.Buffer.IsEmpty || (read.Buffer.Length == remaining && remaining <= buffer.Length)))
        {
            source.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            read = await source.ReadAsync(cancellationToken);
        }

        var available = read.Buffer.Length;
        if (available > remaining)
        {
            source.AdvanceTo(read.Buffer.Start);
            throw SizeRefusal(null, expected);
        }

        if (read.IsCompleted && available < remaining)
        {
            source.AdvanceTo(read.Buffer.End);
            throw SizeRefusal(expected - remaining + available, expected);
        }

        var taken = read.Buffer.Slice(0, Math.Min(available, buffer.Length));
        taken.CopyTo(buffer.Span);
        var bytes = buffer[..(int)taken.Length];
        source.AdvanceTo(taken.End);

        checksums.Append(bytes.Span);
        remaining -= bytes.Length;
        if (remaining == 0)
        {
            checksums.Check();
        }

        return bytes.Length;
    }

    /// <param name="actual">The body's size; <see langword="null"/> where it is only known to be larger.</param>
    /// <returns><c>CHUNK_TOO_LARGE</c> or <c>CHUNK_SIZE_MISMATCH</c>.</returns>
    public static CommandRefusedException SizeRefusal(long? actual, long expected) => new(
        actual is null || actual > expected ? "CHUNK_TOO_LARGE" : "CHUNK_SIZE_MISMATCH", $"This chunk has exactly {expected} bytes.")
    {
        Members = new Dictionary<string, object?> { ["expectedSizeBytes"] = expected },
    };

    private bool Note(Exception e)
    {
        Failure = e;
        return false;
    }
}
