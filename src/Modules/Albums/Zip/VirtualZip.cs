using Albums.Sources;
using Platform.Storage;

namespace Albums.Zip;

/// <summary>
/// A planned ZIP, or a volume of one, of which every CRC is known: all its bytes follow from the plan and the files, whether it stands somewhere or not.
/// </summary>
internal sealed class VirtualZip
{
    // Of an entry's objects, beyond the characters of its strings; an estimate on the safe side.
    private const int EntryOverheadBytes = 300;

    private readonly ZipPlan plan;
    private readonly ZipLayout layout;
    private readonly uint[] crcs;

    private VirtualZip(ZipPlan plan, int volume, uint[] crcs)
    {
        this.plan = plan;
        this.crcs = crcs;
        layout = new ZipLayout(plan, volume);
    }

    /// <param name="found">CRCs that the plan does not know, by entry.</param>
    /// <returns>One, or the volumes in their order. They share what they have in common.</returns>
    internal static VirtualZip[] Of(ZipPlan plan, IReadOnlyDictionary<int, uint> found)
    {
        uint[] crcs = [.. plan.Entries.Select((entry, index) => entry.SizeBytes == 0 ? 0 : entry.Crc32 ?? found[index])];
        return [.. Enumerable.Range(1, plan.VolumeCount).Select(volume => new VirtualZip(plan, volume, crcs))];
    }

    internal long SizeBytes => layout.SizeBytes;

    /// <param name="entry">Of the plan, also where it is in another volume.</param>
    internal string NameOf(int entry) => plan.Entries[entry].Name;

    /// <summary>About what it costs to keep, with its other volumes.</summary>
    internal long MemoryBytes => plan.Entries.Sum(entry =>
        (long)EntryOverheadBytes + (2 * ((entry.Key?.Length ?? 0) + (entry.ETag?.Length ?? 0))) + (3 * entry.Name.Length) + (2 * (entry.Text?.Length ?? 0)));

    /// <summary>Begins to read a range. Returns once the first file in it has given its first bytes.</summary>
    /// <exception cref="SourceLostException">That file is gone, or another by now.</exception>
    internal Task<ZipRange> OpenAsync(ByteRange range, EntrySources sources, TimeProvider clock, CancellationToken cancellationToken) =>
        ZipRange.OpenAsync(this, layout.Pieces(range.OffsetBytes, range.SizeBytes), sources, clock, cancellationToken);

    internal void WriteRecord(Piece piece, Span<byte> target) =>
        layout.WriteRecord(piece, piece.Kind is PieceKind.End ? 0 : crcs[piece.Entry], target);

    /// <summary>The file's bytes that a piece is made of. A file that passes whole is checked: its last bytes come only if all were right.</summary>
    internal Stream OpenContent(Piece piece, EntrySources sources, TimeProvider clock)
    {
        var entry = plan.Entries[piece.Entry];
        var content = new EntryStream(entry, piece.Entry, new ByteRange(piece.OffsetBytes, piece.SizeBytes), sources, clock);
        return piece.SizeBytes == entry.SizeBytes ? new CheckedStream(content, piece, crcs[piece.Entry]) : content;
    }

    private sealed class CheckedStream(EntryStream content, Piece piece, uint expected) : ReadOnlyStream
    {
        private long left = piece.SizeBytes;
        private uint crc;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await content.ReadAsync(buffer, cancellationToken);
            crc = Crc32.Append(crc, buffer.Span[..read]);
            left -= read;
            return left > 0 || crc == expected ? read : throw new SourceLostException(piece.Entry, "its content is damaged in the store");
        }

        public override async ValueTask DisposeAsync()
        {
            await content.DisposeAsync();
            await base.DisposeAsync();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                content.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
