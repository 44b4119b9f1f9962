namespace Platform.Storage;

/// <summary>
/// A body put together from pieces, in order. Any store can read it like a stream, from its beginning as often as it likes. A store that can
/// copy ranges of its objects inside takes those from <see cref="Pieces"/> and leaves them unread.
/// </summary>
public sealed class ComposedBody(IReadOnlyList<BodyPiece> pieces) : ReadOnlyStream
{
    private Stream? current;
    private int index;
    private long position;

    public IReadOnlyList<BodyPiece> Pieces => pieces;

    /// <summary>How many bytes the store copied inside, and so did not read.</summary>
    public long CopiedBytes { get; internal set; }

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
                (current, index, position) = (null, 0, 0);
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
/// <param name="Open">Opens its bytes, exactly <paramref name="SizeBytes"/> many; a <see cref="Crc32Stream"/> saves stores the checksum.</param>
/// <param name="CopyOf">Where in the same store the same bytes are, if it may copy them unseen.</param>
public sealed record BodyPiece(long SizeBytes, Func<Stream> Open, ObjectRange? CopyOf = null);

/// <summary>A range of an object, as long as it has that ETag.</summary>
public sealed record ObjectRange(string Key, string ETag, ByteRange Range);
