using System.Buffers.Binary;

namespace Uploads;

/// <summary>
/// The first bytes of a file that anybody may have made: what lies beyond them is not there, whatever the file says of its sizes. No read throws.
/// </summary>
internal readonly ref struct HeadBytes(ReadOnlySpan<byte> bytes, bool isLittleEndian = false)
{
    private readonly ReadOnlySpan<byte> bytes = bytes;

    public long Count => bytes.Length;

    public byte? U8(long at) => Has(at, 1) ? bytes[(int)at] : null;

    public ushort? U16(long at) => !Has(at, 2) ? null
        : isLittleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[(int)at..]) : BinaryPrimitives.ReadUInt16BigEndian(bytes[(int)at..]);

    public uint? U32(long at) => !Has(at, 4) ? null
        : isLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[(int)at..]) : BinaryPrimitives.ReadUInt32BigEndian(bytes[(int)at..]);

    public ulong? U64(long at) => !Has(at, 8) ? null
        : isLittleEndian ? BinaryPrimitives.ReadUInt64LittleEndian(bytes[(int)at..]) : BinaryPrimitives.ReadUInt64BigEndian(bytes[(int)at..]);

    /// <summary>A number of so many bytes: 0, 1, 2, 4 or 8.</summary>
    public ulong? U(long at, int size) => size switch
    {
        0 => 0,
        1 => U8(at),
        2 => U16(at),
        4 => U32(at),
        8 => U64(at),
        _ => null,
    };

    public bool Is(long at, ReadOnlySpan<byte> expected) => Has(at, expected.Length) && bytes.Slice((int)at, expected.Length).SequenceEqual(expected);

    /// <summary>Those of the bytes that are there.</summary>
    public ReadOnlySpan<byte> Cut(long at, long count) =>
        at < 0 || at >= bytes.Length || count <= 0 ? [] : bytes.Slice((int)at, (int)Math.Min(count, bytes.Length - at));

    private bool Has(long at, int count) => at >= 0 && at <= bytes.Length - count;
}
