namespace Platform.Storage;

/// <summary>A body put together from pieces, in order, each opened when its turn comes. It can be read again from its beginning.</summary>
public sealed class ComposedBody(IReadOnlyList<BodyPiece> pieces) : Crc32Stream
{
    private Crc32Stream? current;
    private int index;
    private long position;
    private long endOfPieces;
    private uint crcOfPieces;

    /// <summary>Of all pieces that were read to their end.</summary>
    public override uint Crc32 => crcOfPieces;

    /// <summary>As far as its beginning.</summary>
    public override bool CanSeek => true;

    public override long Length { get; } = pieces.Sum(piece => piece.SizeBytes);

    public override long Position
    {
        get => position;
        set
        {
            if (value != position)
            {
                ArgumentOutOfRangeException.ThrowIfNotEqual(value, 0);
                current?.Dispose();
                (current, index, position, endOfPieces, crcOfPieces) = (null, 0, 0, 0, 0);
            }
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (index < pieces.Count && buffer.Length > 0)
        {
            current ??= pieces[index].Open();
            var read = await current.ReadAsync(buffer, cancellationToken);
            if (read > 0)
            {
                position += read;
                return read;
            }

            crcOfPieces = Storage.Crc32.Combine(crcOfPieces, current.Crc32, position - endOfPieces);
            endOfPieces = position;
            await current.DisposeAsync();
            (current, index) = (null, index + 1);
        }

        return 0;
    }

    public override async ValueTask DisposeAsync()
    {
        await (current?.DisposeAsync() ?? ValueTask.CompletedTask);
        current = null;
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            current?.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <summary>One piece of a <see cref="ComposedBody"/>.</summary>
/// <param name="Open">Opens its bytes, <paramref name="SizeBytes"/> many.</param>
public sealed record BodyPiece(long SizeBytes, Func<Crc32Stream> Open);
