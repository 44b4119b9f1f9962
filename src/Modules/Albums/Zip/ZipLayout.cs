using System.Text;

namespace Albums.Zip;

/// <summary>
/// Where every byte of a planned ZIP comes from. Offsets follow from names and sizes alone; only the CRCs inside the headers
/// may become known later. Of a plan of several volumes each has a layout. Entries are counted as in the plan.
/// </summary>
internal sealed class ZipLayout
{
    private readonly ZipPlan plan;
    private readonly int first; // entry of the plan: all that follows is by place, which is 0 for it
    private readonly byte[][] names;
    private readonly long[] localOffsets; // one more than entries: the last is where the central directory begins
    private readonly long[] centralOffsets; // likewise: the last is where the end records begin

    /// <param name="volume">From 1.</param>
    internal ZipLayout(ZipPlan plan, int volume = 1)
    {
        this.plan = plan;
        (first, EndEntry) = plan.EntriesOf(volume);
        var count = EndEntry - first;
        names = new byte[count][];
        localOffsets = new long[count + 1];
        centralOffsets = new long[count + 1];
        for (var place = 0; place < count; place++)
        {
            names[place] = Encoding.UTF8.GetBytes(EntryAt(place).Name);
            var sizeBytes = EntryAt(place).SizeBytes;
            localOffsets[place + 1] = localOffsets[place] + ZipFormat.LocalSize(names[place].Length, sizeBytes) + sizeBytes;
        }

        centralOffsets[0] = localOffsets[count];
        for (var place = 0; place < count; place++)
        {
            centralOffsets[place + 1] = centralOffsets[place]
                + ZipFormat.CentralSize(names[place].Length, EntryAt(place).SizeBytes, localOffsets[place]);
        }

        SizeBytes = centralOffsets[count] + ZipFormat.EndRecordsSize(count, centralOffsets[0], CentralSizeBytes);
    }

    /// <summary>The entry behind the last.</summary>
    internal int EndEntry { get; }

    /// <summary>Size of the whole ZIP.</summary>
    internal long SizeBytes { get; }

    internal int PartCount => (int)((SizeBytes + plan.PartSizeBytes - 1) / plan.PartSizeBytes);

    private long CentralSizeBytes => centralOffsets[^1] - centralOffsets[0];

    /// <summary>Where an entry begins, with its local header.</summary>
    internal long OffsetOf(int entry) => localOffsets[entry - first];

    /// <summary>Where an entry ends: the byte behind its last.</summary>
    internal long EndOf(int entry) => localOffsets[entry - first + 1];

    /// <summary>The part of the given number, from 1. All have the plan's part size but the last.</summary>
    internal Platform.Storage.PartSlot Part(int number)
    {
        var offset = (number - 1) * plan.PartSizeBytes;
        return new(number, offset, Math.Min(plan.PartSizeBytes, SizeBytes - offset));
    }

    /// <summary>The number of the part that holds a byte.</summary>
    internal int PartAt(long offsetBytes) => (int)(offsetBytes / plan.PartSizeBytes) + 1;

    /// <summary>What a range of the ZIP is made of, in order and without gaps.</summary>
    internal IEnumerable<Piece> Pieces(long offsetBytes, long sizeBytes)
    {
        var end = offsetBytes + sizeBytes;
        for (var place = IndexAt(localOffsets, offsetBytes); place < names.Length && localOffsets[place] < end; place++)
        {
            var dataOffset = localOffsets[place + 1] - EntryAt(place).SizeBytes;
            if (Cut(PieceKind.LocalHeader, place, localOffsets[place], dataOffset) is { SizeBytes: > 0 } header)
            {
                yield return header;
            }

            if (Cut(PieceKind.Content, place, dataOffset, localOffsets[place + 1]) is { SizeBytes: > 0 } content)
            {
                yield return content;
            }
        }

        for (var place = IndexAt(centralOffsets, offsetBytes); place < names.Length && centralOffsets[place] < end; place++)
        {
            if (Cut(PieceKind.CentralHeader, place, centralOffsets[place], centralOffsets[place + 1]) is { SizeBytes: > 0 } header)
            {
                yield return header;
            }
        }

        if (Cut(PieceKind.End, 0, centralOffsets[^1], SizeBytes) is { SizeBytes: > 0 } last)
        {
            yield return last;
        }

        Piece Cut(PieceKind kind, int place, long from, long to)
        {
            var start = Math.Max(from, offsetBytes);
            return new Piece(kind, first + place, start - from, Math.Min(to, end) - start, start);
        }
    }

    /// <summary>Writes a header or the end records, or the cut of them that a piece names.</summary>
    /// <param name="piece">Of any kind but <see cref="PieceKind.Content"/>.</param>
    /// <param name="crc32">The entry's CRC; not looked at for the end records.</param>
    internal void WriteRecord(Piece piece, uint crc32, Span<byte> target)
    {
        Span<byte> record = stackalloc byte[1024];
        var place = piece.Entry - first;
        var size = RecordSize(piece.Kind, place);
        record = size <= record.Length ? record[..size] : new byte[size];
        switch (piece.Kind)
        {
            case PieceKind.LocalHeader:
                ZipFormat.WriteLocal(record, names[place], EntryAt(place).SizeBytes, crc32, EntryAt(place).ModifiedAt);
                break;
            case PieceKind.CentralHeader:
                ZipFormat.WriteCentral(record, names[place], EntryAt(place).SizeBytes, crc32, EntryAt(place).ModifiedAt, localOffsets[place]);
                break;
            default:
                ZipFormat.WriteEnd(record, names.Length, centralOffsets[0], CentralSizeBytes);
                break;
        }

        record.Slice((int)piece.OffsetBytes, (int)piece.SizeBytes).CopyTo(target);
    }

    private PlannedEntry EntryAt(int place) => plan.Entries[first + place];

    private int RecordSize(PieceKind kind, int place) => (int)(kind switch
    {
        PieceKind.LocalHeader => localOffsets[place + 1] - localOffsets[place] - EntryAt(place).SizeBytes,
        PieceKind.CentralHeader => centralOffsets[place + 1] - centralOffsets[place],
        _ => SizeBytes - centralOffsets[^1],
    });

    // The last entry that begins at or before the offset.
    private static int IndexAt(long[] offsets, long offsetBytes)
    {
        var found = Array.BinarySearch(offsets, offsetBytes);
        return Math.Max(found >= 0 ? found : ~found - 1, 0);
    }
}

/// <summary>What a piece of a ZIP is.</summary>
internal enum PieceKind
{
    LocalHeader,
    Content,
    CentralHeader,
    End,
}

/// <summary>A run of bytes of one record or file.</summary>
/// <param name="OffsetBytes">Where the run begins within that record or file.</param>
/// <param name="ZipOffsetBytes">Where it begins within the ZIP.</param>
internal readonly record struct Piece(PieceKind Kind, int Entry, long OffsetBytes, long SizeBytes, long ZipOffsetBytes);
