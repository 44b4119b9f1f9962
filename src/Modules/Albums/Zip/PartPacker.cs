using System.Buffers;
using Albums.Sources;
using Platform.Storage;

namespace Albums.Zip;

/// <summary>
/// Makes parts of a ZIP and puts them into a multipart upload, each independent of the others.
/// </summary>
/// <remarks>
/// A part is put together in one buffer: the files' bytes first, the headers when their CRCs are known. So a part that holds the
/// header of a large file waits, in memory, until the parts behind it have read the file to its end. At most one file keeps parts
/// waiting at a time (one that leaves a part covers its end), and two parts where its header is cut in two: three workers never block.
/// Memory is one part per worker, whatever the size of files and album.
/// </remarks>
internal sealed class PartPacker(
    ZipPlan plan, ZipLayout layout, CrcLedger crcs, EntrySources sources, IObjectStorage storage, ArrayPool<byte> buffers, TimeProvider clock)
{
    // Small enough that a block is still in the cache when its CRC is computed.
    private const int BlockBytes = 128 * 1024;

    // Files of one part that are read at a time: an album of tiny files would otherwise wait for one round trip after the other.
    private const int ReadsPerPart = 8;

    /// <summary>Reads, completes and stores one part.</summary>
    /// <exception cref="SourceLostException">A file in it is gone or was replaced.</exception>
    internal async Task<PartStored> PackAsync(MultipartUpload upload, int number, CancellationToken cancellationToken)
    {
        var slot = layout.Part(number);
        var pieces = layout.Pieces(slot.OffsetBytes, slot.SizeBytes).ToArray();
        var pieceCrcs = new uint[pieces.Length];
        var buffer = buffers.Rent((int)slot.SizeBytes);
        try
        {
            var segments = await ReadContentAsync(slot, pieces, pieceCrcs, buffer, cancellationToken);
            foreach (var segment in segments)
            {
                crcs.Add(segment);
            }

            for (var i = 0; i < pieces.Length; i++)
            {
                if (pieces[i].Kind is not PieceKind.Content)
                {
                    var crc32 = pieces[i].Kind is PieceKind.End ? 0 : await crcs.OfAsync(pieces[i].Entry, cancellationToken);
                    var target = Within(slot, pieces[i], buffer);
                    layout.WriteRecord(pieces[i], crc32, target.Span);
                    pieceCrcs[i] = Crc32.Append(0, target.Span);
                }
            }

            var partCrc = pieces.Zip(pieceCrcs).Aggregate(0u, (crc, next) => Crc32.Combine(crc, next.Second, next.First.SizeBytes));
            await using var body = new BufferBody(buffer.AsMemory(0, (int)slot.SizeBytes), partCrc);
            var stored = await storage.PutPartAsync(upload, slot, body, cancellationToken);
            return new PartStored(number, stored.ETag, slot.SizeBytes, segments, clock.GetUtcNow());
        }
        finally
        {
            buffers.Return(buffer);
        }
    }

    private async Task<IReadOnlyList<Segment>> ReadContentAsync(
        PartSlot slot, Piece[] pieces, uint[] pieceCrcs, byte[] buffer, CancellationToken cancellationToken)
    {
        var content = Enumerable.Range(0, pieces.Length).Where(i => pieces[i].Kind is PieceKind.Content).ToArray();
        await Parallel.ForEachAsync(
            content,
            new ParallelOptions { MaxDegreeOfParallelism = ReadsPerPart, CancellationToken = cancellationToken },
            async (i, cancel) => pieceCrcs[i] = await ReadPieceAsync(pieces[i], Within(slot, pieces[i], buffer), cancel));
        return [.. content.Select(i => new Segment(pieces[i].Entry, pieces[i].OffsetBytes, pieces[i].SizeBytes, pieceCrcs[i]))];
    }

    private async Task<uint> ReadPieceAsync(Piece piece, Memory<byte> target, CancellationToken cancellationToken)
    {
        var range = new ByteRange(piece.OffsetBytes, piece.SizeBytes);
        await using var source = new EntryStream(plan.Entries[piece.Entry], piece.Entry, range, sources, clock);
        var crc = 0u;
        for (var done = 0; done < target.Length;)
        {
            var block = target[done..Math.Min(done + BlockBytes, target.Length)];
            var count = await source.ReadAsync(block, cancellationToken);
            crc = Crc32.Append(crc, block.Span[..count]);
            done += count;
        }

        return crc;
    }

    private static Memory<byte> Within(PartSlot slot, Piece piece, byte[] buffer) =>
        buffer.AsMemory((int)(piece.ZipOffsetBytes - slot.OffsetBytes), (int)piece.SizeBytes);
}
