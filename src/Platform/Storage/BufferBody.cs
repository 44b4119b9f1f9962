namespace Platform.Storage;

/// <summary>A body that lies in memory already. Seekable, so a store can send it again after a fault; stores that write memory take <see cref="Bytes"/>.</summary>
/// <param name="bytes">Must not change until the body was stored.</param>
/// <param name="crc32">Their CRC-32.</param>
public sealed class BufferBody(ReadOnlyMemory<byte> bytes, uint crc32) : Crc32Stream
{
    private int position;

    /// <summary>All bytes, whatever was read so far.</summary>
    public ReadOnlyMemory<byte> Bytes => bytes;

    public override uint Crc32 => crc32;

    public override bool CanSeek => true;

    public override long Length => bytes.Length;

    public override long Position
    {
        get => position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, bytes.Length);
            position = (int)value;
        }
    }

    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
    {
        SeekOrigin.Begin => 0,
        SeekOrigin.Current => position,
        _ => bytes.Length,
    };

    public override int Read(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, bytes.Length - position);
        bytes.Span.Slice(position, count).CopyTo(buffer);
        position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));
}
