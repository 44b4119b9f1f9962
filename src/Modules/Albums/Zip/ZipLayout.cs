using System.Text;

namespace Albums.Zip;

/// <summary>
/// Where every byte of a planned ZIP comes from. Offsets follow from names and sizes alone; only the CRCs inside the headers
/// may become known later.
/// </summary>
internal sealed class ZipLayout
{
    private readonly ZipPlan plan;
    private readonly byte[][] names;
    private readonly long[] localOffsets; // one more than entries: the last is where the central directory begins
    private readonly long[] centralOffsets; // likewise: the last is where the end records begin

    internal ZipLayout(ZipPlan plan)
    {
        this.plan = plan;
        var count = plan.Entries.Count;
        names = new byte[count][];
        localOffsets = new long[count + 1];
        centralOffsets = new long[count + 1];
        for (var entry = 0; entry < count; entry++)
        {
            names[entry] = Encoding.UTF8.GetBytes(plan.Entries[entry].Name);
            var sizeBytes = plan.Entries[entry].SizeBytes;
            localOffsets[entry + 1] = localOffsets[entry] + ZipFormat.LocalSize(names[entry].Length, sizeBytes) + sizeBytes;
        }

        centralOffsets[0] = localOffsets[count];
        for (var entry = 0; entry < count; entry++)
        {
            centralOffsets[entry + 1] = centralOffsets[entry]
                + ZipFormat.CentralSize(names[entry].Length, plan.Entries[entry].SizeBytes, localOffsets[entry]);
        }

        SizeBytes = centralOffsets[count] + ZipFormat.EndRecordsSize(count, centralOffsets[0], CentralSizeBytes);
    }

    /// <summary>Size of the whole ZIP.</summary>
    internal long SizeBytes { get; }

    internal int PartCount => (int)((SizeBytes + plan.PartSizeBytes - 1) / plan.PartSizeBytes);

    private long CentralSizeBytes => centralOffsets[^1] - centralOffsets[0];

    /// <summary>Where an entry begins, with its local header.</summary>
    internal long OffsetOf(int entry) => localOffsets[entry];

    /// <summary>Where an entry ends: the byte behind its last.</summary>
    internal long EndOf(int entry) => localOffsets[entry + 1];

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
        for (var entry = IndexAt(localOffsets, offsetBytes); entry < names.Length && localOffsets[entry] < end; entry++)
        {
            var dataOffset = localOffsets[entry + 1] - plan.Entries[entry].SizeBytes;
            if (Cut(PieceKind.LocalHeader, entry, localOffsets[entry], dataOffset) is { SizeBytes: > 0 } header)
            {
                yield return header;
            }

            if (Cut(PieceKind.Content, entry, dataOffset, localOffsets[entry + 1]) is { SizeBytes: > 0 } content)
            {
                yield return content;
            }
        }

        for (var entry = IndexAt(centralOffsets, offsetBytes); entry < names.Length && centralOffsets[entry] < end; entry++)
        {
            if (Cut(PieceKind.CentralHeader, entry, centralOffsets[entry], centralOffsets[entry + 1]) is { SizeBytes: > 0 } header)
            {
                yield return header;
            }
        }

        if (Cut(PieceKind.End, 0, centralOffsets[^1], SizeBytes) is { SizeBytes: > 0 } last)
        {
            yield return last;
        }

        Piece Cut(PieceKind kind, int entry, long from, long to)
        {
            var start = Math.Max(from, offsetBytes);
            return new Piece(kind, entry, start - from, Math.Min(to, end) - start, start);
        }
    }

    /// <summary>Writes a header or the end records, or the cut of them that a piece names.</summary>
    /// <param name="piece">Of any kind but <see cref="PieceKind.Content"/>.</param>
    /// <param name="crc32">The entry's CRC; not looked at for the end records.</param>
    internal void WriteRecord(Piece piece, uint crc32, Span<byte> target)
    {
        Span<byte> record = stackalloc byte[1024];
        var size = RecordSize(piece);
        record = size <= record.Length ? record[..size] : new byte[size];
        switch (piece.Kind)
        {
            case PieceKind.LocalHeader:
                ZipFormat.WriteLocal(
                    record, names[piece.Entry], plan.Entries[piece.Entry].SizeBytes, crc32, plan.Entries[piece.Entry].ModifiedAt);
                break;
            case PieceKind.CentralHeader:
                ZipFormat.WriteCentral(
                    record,
                    names[piece.Entry],
                    plan.Entries[piece.Entry].SizeBytes,
                    crc32,
                    plan.Entries[piece.Entry].ModifiedAt,
                    localOffsets[piece.Entry]);
                break;
            default:
                ZipFormat.WriteEnd(record, names.Length, centralOffsets[0], CentralSizeBytes);
                break;
        }

        record.Slice((int)piece.OffsetBytes, (int)piece.SizeBytes).CopyTo(target);
    }

    private int RecordSize(Piece piece) => (int)(piece.Kind switch
    {
        PieceKind.LocalHeader => localOffsets[piece.Entry + 1] - localOffsets[piece.Entry] - plan.Entries[piece.Entry].SizeBytes,
        PieceKind.CentralHeader => centralOffsets[piece.Entry + 1] - centralOffsets[piece.Entry],
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
