using Platform.Storage;

namespace Uploads;

/// <summary>A part that bytes are still coming to. All offsets are those of the file.</summary>
/// <param name="offsetBytes">Where the part begins.</param>
/// <param name="beginBytes">Where the new bytes begin: what is before them in the part lies in the tail.</param>
/// <param name="fullBytes">Where the part is to end: at its size, or with the file.</param>
internal sealed class OpenPart(PartBuffer buffer, long offsetBytes, long beginBytes, long fullBytes) : IDisposable
{
    private uint crc32;

    public long OffsetBytes => offsetBytes;

    public long EndBytes => beginBytes + NewSizeBytes;

    public bool IsFull => EndBytes == fullBytes;

    /// <summary>Whether there is anything in the part that is not in the tail.</summary>
    public bool HasNewBytes => NewSizeBytes > 0;

    public long NewSizeBytes { get; private set; }

    /// <summary>Takes new bytes until the part is full, or up to <paramref name="endBytes"/>, or until the body is over.</summary>
    public async Task FillAsync(AppendBody body, long endBytes = long.MaxValue)
    {
        var room = Math.Min(fullBytes, endBytes) - EndBytes;
        (var taken, crc32) = await body.ReadAsync(buffer, EndBytes - offsetBytes, room, crc32);
        NewSizeBytes += taken;
    }

    /// <summary>Puts pieces of the tail before the new bytes, so that the part can be read from the first one on.</summary>
    /// <param name="pieces">Neighbours, up to where the new bytes begin.</param>
    /// <returns>Where they begin, and the CRC-32 from there to the end.</returns>
    public async Task<(long BeginBytes, uint Crc32)> LoadAsync(IReadOnlyList<TailKept> pieces, TailStore tails, CancellationToken cancellationToken)
    {
        var before = 0u;
        foreach (var piece in pieces)
        {
            await tails.LoadAsync(piece, buffer, offsetBytes, cancellationToken);
            before = Crc32.Combine(before, piece.Crc32, piece.SizeBytes);
        }

        return (pieces is [var first, ..] ? first.OffsetBytes : beginBytes, Crc32.Combine(before, crc32, NewSizeBytes));
    }

    public Stream OpenRead(long fromBytes, uint crcFromThere) => buffer.OpenRead(fromBytes - offsetBytes, EndBytes - fromBytes, crcFromThere);

    /// <summary>The first bytes of the part, once they are loaded.</summary>
    public byte[] Head(int sizeBytes)
    {
        var head = new byte[Math.Min(sizeBytes, EndBytes - offsetBytes)];
        return head[..buffer.Read(0, head)];
    }

    public void Dispose() => buffer.Dispose();
}
