using Platform.Storage;

namespace Albums.Zip;

/// <summary>Reads one entry's bytes within a part, and learns their CRC-32 on the way. Disposes the source.</summary>
internal sealed class SegmentStream(Piece piece, EntryStream source) : Crc32Stream
{
    private uint crc;

    public override uint Crc32 => crc;

    /// <summary>What was learnt, once it was read to its end.</summary>
    internal Segment Segment => new(piece.Entry, piece.OffsetBytes, piece.SizeBytes, crc);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // Not more than what is still in the processor's cache when its CRC is computed.
        var read = await source.ReadAsync(buffer[..Math.Min(buffer.Length, 128 * 1024)], cancellationToken);
        crc = Platform.Storage.Crc32.Append(crc, buffer.Span[..read]);
        return read;
    }

    public override async ValueTask DisposeAsync()
    {
        await source.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            source.Dispose();
        }

        base.Dispose(disposing);
    }
}
