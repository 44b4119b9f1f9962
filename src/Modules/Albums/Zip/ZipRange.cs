using System.Buffers;
using System.IO.Pipelines;
using Albums.Sources;

namespace Albums.Zip;

/// <summary>
/// A range of a <see cref="VirtualZip"/> on its way out: pieces in order, the files among them opened a little ahead of the reader, so that
/// many small ones do not cost one round trip after the other.
/// </summary>
/// <remarks>
/// What is read ahead lies within <see cref="AheadBytes"/> of the reader and has a block of buffer a file, so memory depends on neither the files
/// nor the album, and a reader that pauses keeps no connections but those. A file that is lost fails the range at its place: all bytes before it go out.
/// </remarks>
internal sealed class ZipRange : IAsyncDisposable
{
    // A thousand paused browsers keep a gigabyte. A store that answers in 10 ms still gives 100 MB/s of small files.
    private const long AheadBytes = 1 << 20;

    // An empty bucket of tiny files would otherwise be a thousand requests at a time.
    private const int MostReads = 16;

    private readonly VirtualZip zip;
    private readonly IEnumerator<Piece> pieces;
    private readonly EntrySources sources;
    private readonly TimeProvider clock;
    private readonly CancellationTokenSource stop;
    private readonly Queue<(Piece Piece, Content? Content)> ahead = new();
    private bool hasMore;
    private int reads;
    private int unflushed;

    private ZipRange(VirtualZip zip, IEnumerable<Piece> range, EntrySources sources, TimeProvider clock, CancellationToken cancellationToken)
    {
        this.zip = zip;
        this.sources = sources;
        this.clock = clock;
        pieces = range.GetEnumerator();
        stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        hasMore = pieces.MoveNext();
    }

    /// <inheritdoc cref="VirtualZip.OpenAsync"/>
    internal static async Task<ZipRange> OpenAsync(
        VirtualZip zip, IEnumerable<Piece> range, EntrySources sources, TimeProvider clock, CancellationToken cancellationToken)
    {
        var opened = new ZipRange(zip, range, sources, clock, cancellationToken);
        try
        {
            opened.ReadAhead(opened.pieces.Current.ZipOffsetBytes);
            if (opened.ahead.FirstOrDefault(next => next.Content is not null).Content is { } first)
            {
                await first.FirstBlock;
            }

            return opened;
        }
        catch
        {
            await opened.DisposeAsync();
            throw;
        }
    }

    /// <summary>Writes the range. Returns early where nobody reads any more.</summary>
    /// <exception cref="SourceLostException">A file is gone, is another by now, or is damaged: what follows cannot be had.</exception>
    internal async Task CopyToAsync(PipeWriter target, CancellationToken cancellationToken)
    {
        while (ahead.TryDequeue(out var next))
        {
            if (next.Content is { } content)
            {
                reads--;
                await using (content)
                {
                    await content.FirstBlock;
                    target.Write(content.FirstBytes.Span);
                    unflushed += content.FirstBytes.Length;
                    await CopyRestAsync(content, next.Piece, target, cancellationToken);
                }
            }
            else
            {
                var size = (int)next.Piece.SizeBytes;
                zip.WriteRecord(next.Piece, target.GetSpan(size)[..size]);
                target.Advance(size);
                unflushed += size;
            }

            ReadAhead(next.Piece.ZipOffsetBytes + next.Piece.SizeBytes);
            if ((unflushed >= PipeCopy.BlockBytes || ahead.Count == 0) && await FlushAsync(target, cancellationToken))
            {
                return;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        while (ahead.TryDequeue(out var next))
        {
            await (next.Content?.DisposeAsync() ?? ValueTask.CompletedTask);
        }

        pieces.Dispose();
        stop.Dispose();
    }

    private async Task CopyRestAsync(Content content, Piece piece, PipeWriter target, CancellationToken cancellationToken)
    {
        for (var done = (long)content.FirstBytes.Length; done < piece.SizeBytes;)
        {
            if (await FlushAsync(target, cancellationToken))
            {
                return;
            }

            var read = await content.Source.ReadAsync(target.GetMemory(PipeCopy.BlockBytes)[..PipeCopy.BlockBytes], cancellationToken);
            target.Advance(read);
            unflushed += read;
            done += read;
            ReadAhead(piece.ZipOffsetBytes + done);
        }
    }

    private async ValueTask<bool> FlushAsync(PipeWriter target, CancellationToken cancellationToken)
    {
        unflushed = 0;
        return (await target.FlushAsync(cancellationToken)).IsCompleted;
    }

    // Files are counted, records are not: they cost nothing until they are written.
    private void ReadAhead(long position)
    {
        while (hasMore && reads < MostReads && pieces.Current.ZipOffsetBytes < position + AheadBytes)
        {
            var piece = pieces.Current;
            var content = piece.Kind is PieceKind.Content ? new Content(zip.OpenContent(piece, sources, clock), piece.SizeBytes, stop.Token) : null;
            reads += content is null ? 0 : 1;
            ahead.Enqueue((piece, content));
            hasMore = pieces.MoveNext();
        }
    }

    /// <summary>A file, or the cut of it in the range, of which the first block is being read.</summary>
    private sealed class Content : IAsyncDisposable
    {
        private readonly byte[] buffer;
        private readonly int firstSize;

        internal Content(Stream source, long sizeBytes, CancellationToken cancellationToken)
        {
            Source = source;
            firstSize = (int)Math.Min(sizeBytes, PipeCopy.BlockBytes);
            buffer = ArrayPool<byte>.Shared.Rent(firstSize);
            FirstBlock = source.ReadExactlyAsync(buffer, 0, firstSize, cancellationToken).AsTask();
        }

        internal Stream Source { get; }

        internal Task FirstBlock { get; }

        /// <summary>Once <see cref="FirstBlock"/> is complete.</summary>
        internal ReadOnlyMemory<byte> FirstBytes => buffer.AsMemory(0, firstSize);

        public async ValueTask DisposeAsync()
        {
            // Only when nobody writes into it any more may the buffer be somebody else's. Who needed the bytes has seen the fault.
            await FirstBlock.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ArrayPool<byte>.Shared.Return(buffer);
            await Source.DisposeAsync();
        }
    }
}
