using System.Buffers.Binary;

namespace Albums.Zip;

/// <summary>Encodes the records of a ZIP file.</summary>
/// <remarks>
/// PKWARE APPNOTE 6.3.10, store method only:
/// <code>
/// entry    local header (30)  name  [Zip64 extra (20)]  timestamp extra (9)  the file's bytes       §4.3.7
/// …
/// central  header (46)  name  [Zip64 extra (4 + 8…24)]  timestamp extra (9)                          §4.3.12
/// …
/// end      [Zip64 end (56)  Zip64 locator (20)]  end (22)                                            §4.3.14–16
/// </code>
/// <para>CRC and sizes stand in the local header, never in a data descriptor: Java's ZipInputStream refuses store with a descriptor.</para>
/// <para>Zip64 appears only where a value does not fit, and first among the extras: forced Zip64 breaks busybox, unar and minizip.</para>
/// <para>All sizes of records follow from the name, the size and the offset alone, so a layout is known before any CRC is.</para>
/// These bytes are pinned by golden tests: changing one means a new <see cref="ZipPlan.CurrentLayoutVersion"/>.
/// </remarks>
internal static class ZipFormat
{
    private const int LocalHeaderSize = 30;
    private const int CentralHeaderSize = 46;
    private const int TimestampExtraSize = 9;
    private const int Zip64EndSize = 56;
    private const int Zip64LocatorSize = 20;
    private const int EndSize = 22;
    private const uint Max32 = 0xFFFFFFFF;
    private const ushort Max16 = 0xFFFF;

    internal static int LocalSize(int nameSize, long sizeBytes) =>
        LocalHeaderSize + nameSize + (sizeBytes >= Max32 ? 20 : 0) + TimestampExtraSize;

    internal static int CentralSize(int nameSize, long sizeBytes, long offsetBytes) =>
        CentralHeaderSize + nameSize + Zip64CentralSize(sizeBytes, offsetBytes) + TimestampExtraSize;

    internal static int EndRecordsSize(long entries, long centralOffset, long centralSize) =>
        NeedsZip64End(entries, centralOffset, centralSize) ? Zip64EndSize + Zip64LocatorSize + EndSize : EndSize;

    internal static void WriteLocal(Span<byte> target, ReadOnlySpan<byte> name, long sizeBytes, uint crc32, DateTimeOffset modifiedAt)
    {
        var zip64 = sizeBytes >= Max32;
        var writer = new RecordWriter(target);
        writer.UInt32(0x04034b50);
        WriteCommon(ref writer, name, sizeBytes, crc32, modifiedAt, zip64, extraSize: (zip64 ? 20 : 0) + TimestampExtraSize);
        writer.Bytes(name);
        if (zip64)
        {
            // §4.5.3: in a local header both sizes must be there.
            writer.UInt16(0x0001);
            writer.UInt16(16);
            writer.UInt64((ulong)sizeBytes);
            writer.UInt64((ulong)sizeBytes);
        }

        WriteTimestamp(ref writer, modifiedAt);
    }

    internal static void WriteCentral(
        Span<byte> target, ReadOnlySpan<byte> name, long sizeBytes, uint crc32, DateTimeOffset modifiedAt, long offsetBytes)
    {
        var zip64Size = Zip64CentralSize(sizeBytes, offsetBytes);
        var writer = new RecordWriter(target);
        writer.UInt32(0x02014b50);
        writer.UInt16((3 << 8) | (zip64Size > 0 ? 45 : 20)); // made by Unix, so that the mode below counts
        WriteCommon(ref writer, name, sizeBytes, crc32, modifiedAt, zip64Size > 0, extraSize: zip64Size + TimestampExtraSize);
        writer.UInt16(0); // comment
        writer.UInt16(0); // disk
        writer.UInt16(0); // internal attributes
        writer.UInt32(0x81A40000); // regular file, mode 0644 (octal 0100644 << 16): without it unzip restores mode 0000
        writer.UInt32((uint)Math.Min(offsetBytes, Max32));
        writer.Bytes(name);
        if (zip64Size > 0)
        {
            // §4.5.3: only the fields that are 0xFFFFFFFF, in this order.
            writer.UInt16(0x0001);
            writer.UInt16((ushort)(zip64Size - 4));
            if (sizeBytes >= Max32)
            {
                writer.UInt64((ulong)sizeBytes);
                writer.UInt64((ulong)sizeBytes);
            }

            if (offsetBytes >= Max32)
            {
                writer.UInt64((ulong)offsetBytes);
            }
        }

        WriteTimestamp(ref writer, modifiedAt);
    }

    internal static void WriteEnd(Span<byte> target, long entries, long centralOffset, long centralSize)
    {
        var writer = new RecordWriter(target);
        if (NeedsZip64End(entries, centralOffset, centralSize))
        {
            writer.UInt32(0x06064b50);
            writer.UInt64(Zip64EndSize - 12); // size of what follows this field
            writer.UInt16((3 << 8) | 45);
            writer.UInt16(45);
            writer.UInt32(0);
            writer.UInt32(0);
            writer.UInt64((ulong)entries);
            writer.UInt64((ulong)entries);
            writer.UInt64((ulong)centralSize);
            writer.UInt64((ulong)centralOffset);
            writer.UInt32(0x07064b50);
            writer.UInt32(0);
            writer.UInt64((ulong)(centralOffset + centralSize));
            writer.UInt32(1);
        }

        writer.UInt32(0x06054b50);
        writer.UInt16(0);
        writer.UInt16(0);
        writer.UInt16((ushort)Math.Min(entries, Max16));
        writer.UInt16((ushort)Math.Min(entries, Max16));
        writer.UInt32((uint)Math.Min(centralSize, Max32));
        writer.UInt32((uint)Math.Min(centralOffset, Max32));
        writer.UInt16(0);
    }

    // Version needed … extra length: the run of fields that both headers share (§4.3.7, §4.3.12).
    private static void WriteCommon(
        ref RecordWriter writer, ReadOnlySpan<byte> name, long sizeBytes, uint crc32, DateTimeOffset modifiedAt, bool zip64, int extraSize)
    {
        var size32 = (uint)Math.Min(sizeBytes, Max32);
        var (date, time) = DosTime(modifiedAt);
        writer.UInt16(zip64 ? 45 : 20);
        writer.UInt16(name.ContainsAnyExceptInRange((byte)0, (byte)0x7F) ? 1 << 11 : 0); // names are UTF-8; said only where it matters
        writer.UInt16(0); // stored
        writer.UInt16(time);
        writer.UInt16(date);
        writer.UInt32(crc32);
        writer.UInt32(size32);
        writer.UInt32(size32);
        writer.UInt16((ushort)name.Length);
        writer.UInt16((ushort)extraSize);
    }

    // Info-ZIP's extended timestamp "UT": seconds since 1970 in UTC, a signed 32-bit number until 2038.
    private static void WriteTimestamp(ref RecordWriter writer, DateTimeOffset modifiedAt)
    {
        writer.UInt16(0x5455);
        writer.UInt16(5);
        writer.Byte(1); // modification time only
        writer.UInt32((uint)(int)Math.Clamp(modifiedAt.ToUnixTimeSeconds(), int.MinValue, int.MaxValue));
    }

    private static (int Date, int Time) DosTime(DateTimeOffset at)
    {
        // A DOS time of 0 is no date at all, and its years run from 1980 to 2107.
        var utc = at.UtcDateTime;
        return utc.Year < 1980 ? ((1 << 5) | 1, 0)
            : utc.Year > 2107 ? ((127 << 9) | (12 << 5) | 31, (23 << 11) | (59 << 5) | 29)
            : (((utc.Year - 1980) << 9) | (utc.Month << 5) | utc.Day, (utc.Hour << 11) | (utc.Minute << 5) | (utc.Second / 2));
    }

    private static int Zip64CentralSize(long sizeBytes, long offsetBytes)
    {
        var fields = (sizeBytes >= Max32 ? 16 : 0) + (offsetBytes >= Max32 ? 8 : 0);
        return fields == 0 ? 0 : 4 + fields;
    }

    private static bool NeedsZip64End(long entries, long centralOffset, long centralSize) =>
        entries >= Max16 || centralOffset >= Max32 || centralSize >= Max32;

    private ref struct RecordWriter(Span<byte> target)
    {
        private Span<byte> rest = target;

        internal void Byte(byte value)
        {
            rest[0] = value;
            rest = rest[1..];
        }

        internal void UInt16(int value)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(rest, (ushort)value);
            rest = rest[2..];
        }

        internal void UInt32(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(rest, value);
            rest = rest[4..];
        }

        internal void UInt64(ulong value)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(rest, value);
            rest = rest[8..];
        }

        internal void Bytes(ReadOnlySpan<byte> value)
        {
            value.CopyTo(rest);
            rest = rest[value.Length..];
        }
    }
}
