using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Platform.Storage;

/// <summary>
/// Writes a <see cref="ComposedBody"/> into a file: ranges of objects are copied inside the kernel, everything else passes through one block of
/// memory. A range whose object is gone or another by now is read like any piece: the body knows better what that means.
/// </summary>
/// <param name="copying">
/// Held while the kernel copies. It locks the file for each write anyway, and writers that wait for that lock burn a processor.
/// </param>
internal sealed class FolderComposition(FolderObjects objects, SafeFileHandle target, ComposedBody body, SemaphoreSlim copying)
{
    // Smaller ranges cost less when they are read along with their neighbours.
    private const int LeastCopiedBytes = 64 * 1024;

    private byte[] block = [];
    private long offset;
    private int filled;
    private uint crc;

    /// <returns>The ETag: CRC-32 and size, where the ETags of their objects stand for the bytes that were not seen.</returns>
    public async Task<string> WriteAsync(long offsetBytes, CancellationToken cancellationToken)
    {
        offset = offsetBytes;
        body.CopiedBytes = 0;
        block = ArrayPool<byte>.Shared.Rent(Disk.BlockBytes);
        try
        {
            foreach (var piece in body.Pieces)
            {
                await WriteAsync(piece, cancellationToken);
            }

            Flush();
            return string.Create(CultureInfo.InvariantCulture, $"{crc:x8}-{body.Length:x}{(body.CopiedBytes > 0 ? "-c" : "")}");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    private async Task WriteAsync(BodyPiece piece, CancellationToken cancellationToken)
    {
        using var source = piece is { CopyOf: { } range, SizeBytes: >= LeastCopiedBytes } ? TryOpen(range) : null;
        if (source is null)
        {
            await ReadAsync(piece, cancellationToken);
        }
        else
        {
            await CopyAsync(source, piece.CopyOf!, cancellationToken);
        }
    }

    private async Task CopyAsync(SafeFileHandle source, ObjectRange copied, CancellationToken cancellationToken)
    {
        Flush();
        await copying.WaitAsync(cancellationToken);
        try
        {
            await Disk.CopyAsync(source, copied.Range, target, offset, cancellationToken);
        }
        finally
        {
            copying.Release();
        }

        offset += copied.Range.SizeBytes;
        body.CopiedBytes += copied.Range.SizeBytes;
        var name = string.Create(CultureInfo.InvariantCulture, $"{copied.Key}\n{copied.ETag}\n{copied.Range.OffsetBytes}\n{copied.Range.SizeBytes}\n");
        crc = Crc32.Append(crc, Encoding.UTF8.GetBytes(name));
    }

    private async Task ReadAsync(BodyPiece piece, CancellationToken cancellationToken)
    {
        await using var source = piece.Open();
        if (source is BufferBody { Length: >= LeastCopiedBytes } memory)
        {
            Flush();
            Disk.Write(target, memory.Bytes.Span, offset);
            offset += memory.Length;
            crc = Crc32.Combine(crc, memory.Crc32, memory.Length);
            return;
        }

        var known = source as Crc32Stream;
        var seen = 0u;
        for (var left = piece.SizeBytes; left > 0;)
        {
            if (filled == block.Length)
            {
                Flush();
            }

            var read = await source.ReadAsync(block.AsMemory(filled, (int)Math.Min(left, block.Length - filled)), cancellationToken);
            if (read == 0)
            {
                throw new StorageException(StorageError.BodySizeMismatch, $"A piece of the body does not hold {piece.SizeBytes} bytes as announced.");
            }

            seen = known is null ? Crc32.Append(seen, block.AsSpan(filled, read)) : seen;
            (filled, left) = (filled + read, left - read);
        }

        crc = Crc32.Combine(crc, known?.Crc32 ?? seen, piece.SizeBytes);
    }

    private void Flush()
    {
        Disk.Write(target, block.AsSpan(0, filled), offset);
        (offset, filled) = (offset + filled, 0);
    }

    private SafeFileHandle? TryOpen(ObjectRange range)
    {
        try
        {
            var file = objects.Open(range.Key, range.ETag, out var stored);
            if (range.Range.EndBytes <= stored.SizeBytes)
            {
                return file;
            }

            file.Dispose();
            return null;
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound or StorageError.PreconditionFailed)
        {
            return null;
        }
    }
}
