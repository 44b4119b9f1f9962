using Albums.Sources;
using Platform.Storage;

namespace Albums.Zip;

/// <summary>
/// The bytes of a planned entry, or of a range of them, from wherever they are, as they were when planned. A read that breaks off goes on at the next byte; it gives up after four failures without a byte in between.
/// </summary>
/// <remarks>
/// Reading throws <see cref="SourceLostException"/> where the source is gone or is another by now, and <see cref="StorageException"/> where it
/// cannot be read at the moment. It never yields fewer bytes than the range has, and opens nothing before the first read.
/// </remarks>
/// <param name="index">The entry's place in the plan.</param>
/// <param name="range">Within the entry.</param>
internal sealed class EntryStream(PlannedEntry entry, int index, ByteRange range, EntrySources sources, TimeProvider clock) : ReadOnlyStream
{
    private const int Attempts = 4;

    // Doubled after each failure.
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);

    private Stream? source;
    private long offsetBytes = range.OffsetBytes;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        buffer = buffer[..(int)Math.Min(buffer.Length, range.EndBytes - offsetBytes)];
        if (buffer.IsEmpty)
        {
            return 0;
        }

        for (var attempt = 1; ; attempt++)
        {
            try
            {
                source ??= await sources.OpenAsync(entry, new ByteRange(offsetBytes, range.EndBytes - offsetBytes), cancellationToken);
                var read = await source.ReadAsync(buffer, cancellationToken);
                if (read > 0)
                {
                    offsetBytes += read;
                    return read;
                }

                throw new StorageException(StorageError.Unavailable, $"Reading {entry.Name} ended at byte {offsetBytes} of {range.EndBytes}.");
            }
            catch (StorageException e) when (e.Error is StorageError.NotFound)
            {
                throw new SourceLostException(index, "it is not in the store any more");
            }
            catch (StorageException e) when (e.Error is StorageError.PreconditionFailed)
            {
                throw new SourceLostException(index, "it was replaced while the album was being packed");
            }
            catch (UrlFailedException e) when (!(e.MayComeBack && attempt < Attempts))
            {
                throw new SourceLostException(index, e.Message, e.MayComeBack);
            }
            catch (Exception e) when (e is UrlFailedException || (e is StorageException { Error: StorageError.Unavailable } && attempt < Attempts))
            {
                await CloseAsync();
            }

            await Task.Delay(FirstDelay * Math.Pow(2, attempt - 1), clock, cancellationToken);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            source?.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask CloseAsync()
    {
        if (source is { } opened)
        {
            source = null;
            await opened.DisposeAsync();
        }
    }
}
