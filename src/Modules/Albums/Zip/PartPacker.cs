using System.Buffers;
using Albums.Sources;
using Platform.Storage;

namespace Albums.Zip;

/// <summary>
/// Makes parts of a ZIP and puts them into a multipart upload, each independent of the others.
/// </summary>
/// <remarks>
/// A part that lies inside one file of known CRC, or that an earlier ZIP has as well, is copied by the store, where its copies are sound. Any other is composed of headers and of ranges
/// of files, which stream through. In memory are only headers and small pieces, unless the part holds the header of a file whose CRC is
/// unknown: it waits until the parts behind it have read that file to its end. So that nobody waits for this part in turn, it reads everything of unknown CRC into memory first. At most one
/// file keeps parts waiting for parts that nobody reads yet (one that leaves a part covers its end), and two parts where its header is cut
/// in two: three workers never block. Memory is at most one part per worker, whatever the size of files and album.
/// </remarks>
internal sealed class PartPacker(
    ZipPlan plan,
    ZipLayout layout,
    CrcLedger crcs,
    EntrySources sources,
    EarlierZip? earlier,
    IObjectStorage storage,
    ArrayPool<byte> buffers,
    TimeProvider clock)
{
    // Files of one part that are read ahead at a time: an album of tiny files would otherwise wait for one round trip after the other.
    private const int ReadsPerPart = 8;

    // Smaller pieces are read ahead: what they cost is the round trip.
    private const int SmallPieceBytes = 256 * 1024;

    /// <summary>Makes and stores one part.</summary>
    /// <exception cref="SourceLostException">A file in it is gone, was replaced or is damaged.</exception>
    internal async Task<PartStored> PackAsync(MultipartUpload upload, int number, CancellationToken cancellationToken)
    {
        var slot = layout.Part(number);
        var pieces = layout.Pieces(slot.OffsetBytes, slot.SizeBytes).ToArray();
        return (CopyOf(slot, pieces) is { } source ? await CopyAsync(upload, slot, source, pieces, cancellationToken) : null)
            ?? await ComposeAsync(upload, slot, pieces, cancellationToken);
    }

    // Where the store has the part's bytes side by side already.
    private (string Key, string ETag, long OffsetBytes)? CopyOf(PartSlot slot, Piece[] pieces)
    {
        if (!storage.CopiesAreSound)
        {
            return null;
        }

        if (slot.OffsetBytes + slot.SizeBytes <= earlier?.SameBytes)
        {
            return (earlier.Key, earlier.ETag, slot.OffsetBytes);
        }

        // Ceph 16 decodes the name of the source twice, and dies of a percent sign.
        return pieces is [{ Kind: PieceKind.Content } only]
            && plan.Entries[only.Entry] is { Key: { } key, ETag: { } etag, Crc32: not null }
            && !key.Contains('%', StringComparison.Ordinal)
            ? (key, etag, only.OffsetBytes)
            : null;
    }

    private async Task<PartStored?> CopyAsync(
        MultipartUpload upload, PartSlot slot, (string Key, string ETag, long OffsetBytes) source, Piece[] pieces, CancellationToken cancellationToken)
    {
        try
        {
            var copied = await storage.CopyPartAsync(upload, slot, source.Key, source.OffsetBytes, source.ETag, cancellationToken);
            var segments = pieces.Where(piece => piece.Kind is PieceKind.Content)
                .Select(piece => new Segment(piece.Entry, piece.OffsetBytes, piece.SizeBytes, Crc32: null));
            return new PartStored(slot.Number, copied.ETag, slot.SizeBytes, [.. segments], clock.GetUtcNow());
        }
        catch (StorageException e) when (e.Error is not StorageError.MultipartNotFound)
        {
            return null; // not every store copies; and whoever reads the file finds out what has become of it
        }
    }

    private async Task<PartStored> ComposeAsync(MultipartUpload upload, PartSlot slot, Piece[] pieces, CancellationToken cancellationToken)
    {
        var mayWait = Array.Exists(pieces, piece => piece.Kind is PieceKind.LocalHeader or PieceKind.CentralHeader && IsCrcUnknown(piece));
        var isInMemory = Array.ConvertAll(pieces, piece =>
            piece.Kind is not PieceKind.Content || piece.SizeBytes < SmallPieceBytes || (mayWait && IsCrcUnknown(piece)));
        var buffer = buffers.Rent((int)pieces.Where((_, i) => isInMemory[i]).Sum(piece => piece.SizeBytes));
        try
        {
            var places = Place(pieces, isInMemory, buffer);
            var readers = new SegmentStream?[pieces.Length];
            await ReadAheadAsync(pieces, places, readers, cancellationToken);
            await WriteRecordsAsync(pieces, places, cancellationToken);
            await using var body = new ComposedBody([.. Compose(pieces, places, buffer, readers)]);
            var stored = await storage.PutPartAsync(upload, slot, body, cancellationToken);
            return new PartStored(slot.Number, stored.ETag, slot.SizeBytes, Learn(readers), clock.GetUtcNow());
        }
        finally
        {
            buffers.Return(buffer);
        }
    }

    private bool IsCrcUnknown(Piece piece) => plan.Entries[piece.Entry].Crc32 is null;

    private static Memory<byte>[] Place(Piece[] pieces, bool[] isInMemory, byte[] buffer)
    {
        var filled = 0;
        return [.. pieces.Zip(isInMemory, (piece, isHere) =>
        {
            var place = buffer.AsMemory(filled, isHere ? (int)piece.SizeBytes : 0);
            filled += place.Length;
            return place;
        })];
    }

    private async Task ReadAheadAsync(
        Piece[] pieces, Memory<byte>[] places, SegmentStream?[] readers, CancellationToken cancellationToken)
    {
        await Parallel.ForEachAsync(
            Enumerable.Range(0, pieces.Length).Where(i => pieces[i].Kind is PieceKind.Content && places[i].Length > 0),
            new ParallelOptions { MaxDegreeOfParallelism = ReadsPerPart, CancellationToken = cancellationToken },
            async (i, cancel) =>
            {
                await using var reader = readers[i] = Open(pieces[i]);
                await reader.ReadExactlyAsync(places[i], cancel);
            });
        Learn(readers);
    }

    // Adding a segment again changes nothing.
    private List<Segment> Learn(SegmentStream?[] readers)
    {
        var segments = readers.OfType<SegmentStream>().Select(reader => reader.Segment).ToList();
        segments.ForEach(crcs.Add);
        return segments;
    }

    private async Task WriteRecordsAsync(Piece[] pieces, Memory<byte>[] places, CancellationToken cancellationToken)
    {
        for (var i = 0; i < pieces.Length; i++)
        {
            if (pieces[i].Kind is not PieceKind.Content)
            {
                var crc32 = pieces[i].Kind is PieceKind.End ? 0 : await crcs.OfAsync(pieces[i].Entry, cancellationToken);
                layout.WriteRecord(pieces[i], crc32, places[i].Span);
            }
        }
    }

    // Neighbours in memory lie side by side there, too: they are one piece of the body.
    private IEnumerable<BodyPiece> Compose(Piece[] pieces, Memory<byte>[] places, byte[] buffer, SegmentStream?[] readers)
    {
        var (from, to) = (0, 0);
        for (var i = 0; i < pieces.Length; i++)
        {
            to += places[i].Length;
            if (places[i].IsEmpty)
            {
                if (from < to)
                {
                    yield return InMemory(buffer.AsMemory(from, to - from));
                }

                yield return Streamed(pieces[i], i, readers);
                from = to;
            }
        }

        if (from < to)
        {
            yield return InMemory(buffer.AsMemory(from, to - from));
        }
    }

    private static BodyPiece InMemory(ReadOnlyMemory<byte> bytes)
    {
        var crc32 = Crc32.Append(0, bytes.Span);
        return new(bytes.Length, () => new BufferBody(bytes, crc32));
    }

    private BodyPiece Streamed(Piece piece, int place, SegmentStream?[] readers) => new(piece.SizeBytes, () => readers[place] = Open(piece));

    private SegmentStream Open(Piece piece)
    {
        var range = new ByteRange(piece.OffsetBytes, piece.SizeBytes);
        return new SegmentStream(piece, new EntryStream(plan.Entries[piece.Entry], piece.Entry, range, sources, clock));
    }
}
