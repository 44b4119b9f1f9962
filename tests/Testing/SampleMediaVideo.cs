using System.Buffers.Binary;

namespace Testing;

/// <summary>
/// A QuickTime file of Motion JPEG: <c>ftyp</c>, <c>moov</c> with the sample tables, <c>mdat</c> with the frames, and a <c>free</c> atom that fills
/// the file up to its size. One loop of pictures repeats; every frame has its own number in a comment segment, so no two are the same.
/// Any offset is computed directly, so the stream seeks for nothing.
/// </summary>
internal sealed class SampleMediaVideo : Stream
{
    private const int Width = 1280;
    private const int Height = 720;
    private const int FramesPerSecond = 24;
    private const int LoopFrames = 8;
    private const int CommentBytes = 2 + 2 + 16; // marker, length, number
    private const int MdatHeaderBytes = 16; // size 1, type, 64-bit size

    private readonly byte[][] loop;
    private readonly long[] loopOffsets = new long[LoopFrames + 1];
    private readonly int frames;
    private readonly byte[] head;
    private readonly byte[] frame;
    private int current = -1;
    private long position;

    public SampleMediaVideo(int seed, long sizeBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sizeBytes, 1_000_000);
        Length = sizeBytes;
        loop = [.. Enumerable.Range(0, LoopFrames).Select(i => SampleMediaJpeg.Encode(new(seed, 24, (float)i / LoopFrames), Width, Height))];
        for (var i = 0; i < LoopFrames; i++)
        {
            loopOffsets[i + 1] = loopOffsets[i] + loop[i].Length + CommentBytes;
        }

        frame = new byte[loop.Max(picture => picture.Length) + CommentBytes];
        frames = Header(0).Length is var emptyBytes ? MostFrames(sizeBytes - emptyBytes - MdatHeaderBytes - 8) : 0;
        head = [.. Header(frames), .. MdatHeader(FrameOffset(frames))];
    }

    public override long Length { get; }

    public override long Position { get => position; set => position = value; }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override int Read(Span<byte> buffer)
    {
        var total = 0;
        while (total < buffer.Length && position < Length)
        {
            var source = Piece(position);
            var count = Math.Min(buffer.Length - total, source.Length);
            source[..count].CopyTo(buffer[total..]);
            total += count;
            position += count;
        }

        return total;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => position = offset + origin switch
    {
        SeekOrigin.Begin => 0,
        SeekOrigin.Current => position,
        _ => Length,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    // The bytes from an offset on, as many as lie together.
    private ReadOnlySpan<byte> Piece(long offset)
    {
        if (offset < head.Length)
        {
            return head.AsSpan((int)offset);
        }

        offset -= head.Length;
        var filling = offset - FrameOffset(frames);
        if (filling >= 0)
        {
            var freeBytes = Length - head.Length - FrameOffset(frames);
            Span<byte> header = new byte[8 + 4096];
            BinaryPrimitives.WriteUInt32BigEndian(header, (uint)freeBytes);
            "free"u8.CopyTo(header[4..]);
            return header[(int)Math.Min(filling, 8)..][..(int)Math.Min(freeBytes - filling, filling < 8 ? 8 - filling : 4096)];
        }

        var number = (int)(offset / loopOffsets[LoopFrames]) * LoopFrames;
        while (FrameOffset(number + 1) <= offset)
        {
            number++;
        }

        return Frame(number)[(int)(offset - FrameOffset(number))..];
    }

    private Span<byte> Frame(int number)
    {
        var picture = loop[number % LoopFrames];
        var whole = frame.AsSpan(0, picture.Length + CommentBytes);
        if (current != number)
        {
            picture.AsSpan(0, 2).CopyTo(whole);
            byte[] comment = [0xFF, 0xFE, 0, CommentBytes - 2, .. System.Text.Encoding.ASCII.GetBytes($"frame {number,10}")];
            comment.CopyTo(whole[2..]);
            picture.AsSpan(2).CopyTo(whole[(2 + CommentBytes)..]);
            current = number;
        }

        return whole;
    }

    private long FrameOffset(int number) => (number / LoopFrames * loopOffsets[LoopFrames]) + loopOffsets[number % LoopFrames];

    private int MostFrames(long roomBytes)
    {
        const int TableBytesPerFrame = 12; // its entries in stsz (4) and co64 (8)
        var most = (int)(roomBytes / ((loopOffsets[LoopFrames] / LoopFrames) + TableBytesPerFrame)) + LoopFrames;
        while (most > 0 && FrameOffset(most) + ((long)most * TableBytesPerFrame) > roomBytes)
        {
            most--;
        }

        return most;
    }

    private byte[] Header(int count)
    {
        var duration = U32(count); // in frames: the time scale is the frame rate
        byte[] matrix = [.. U32(0x10000), .. U32(0), .. U32(0), .. U32(0), .. U32(0x10000), .. U32(0), .. U32(0), .. U32(0), .. U32(0x40000000)];
        var ftyp = Atom("ftyp", [.. "qt  "u8, .. U32(0x20050300), .. "qt  "u8]);
        var stsd = Full("stsd", [.. U32(1), .. Atom("jpeg", [
            .. new byte[6], 0, 1, .. new byte[16], .. U16(Width), .. U16(Height), .. U32(0x480000), .. U32(0x480000), .. U32(0), .. U16(1),
            12, .. "Motion JPEG "u8, .. new byte[19], .. U16(24), .. U16(0xFFFF)])]);
        byte[] MoovWithFramesAt(long firstFrame) => Atom("moov", [
            .. Full("mvhd", [.. U32(0), .. U32(0), .. U32(FramesPerSecond), .. duration, .. U32(0x10000), .. U16(0x100), .. new byte[10], .. matrix, .. new byte[24], .. U32(2)]),
            .. Atom("trak", [
                .. Full("tkhd", [.. U32(0), .. U32(0), .. U32(1), .. U32(0), .. duration, .. new byte[16], .. matrix, .. U32(Width << 16), .. U32(Height << 16)], flags: 7),
                .. Atom("mdia", [
                    .. Full("mdhd", [.. U32(0), .. U32(0), .. U32(FramesPerSecond), .. duration, .. U32(0)]),
                    .. Full("hdlr", [.. "mhlrvide"u8, .. new byte[12], 0]),
                    .. Atom("minf", [
                        .. Full("vmhd", new byte[8], flags: 1),
                        .. Full("hdlr", [.. "dhlrurl "u8, .. new byte[12], 0]),
                        .. Atom("dinf", Full("dref", [.. U32(1), .. Full("url ", [], flags: 1)])),
                        .. Atom("stbl", [
                            .. stsd,
                            .. Full("stts", [.. U32(1), .. U32(count), .. U32(1)]),
                            .. Full("stsc", [.. U32(1), .. U32(1), .. U32(1), .. U32(1)]),
                            .. Full("stsz", [.. U32(0), .. U32(count), .. Each(count, 4, i => FrameOffset(i + 1) - FrameOffset(i))]),
                            .. Full("co64", [.. U32(count), .. Each(count, 8, i => firstFrame + FrameOffset(i))])])])])])]);
        var lead = ftyp.Length + MoovWithFramesAt(0).Length + MdatHeaderBytes;
        return [.. ftyp, .. MoovWithFramesAt(lead)];
    }

    private static byte[] MdatHeader(long contentBytes)
    {
        var header = new byte[MdatHeaderBytes];
        header[3] = 1;
        "mdat"u8.CopyTo(header.AsSpan(4));
        BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(8), contentBytes + MdatHeaderBytes);
        return header;
    }

    private static byte[] Atom(string type, ReadOnlySpan<byte> content) => [.. U32(content.Length + 8), .. System.Text.Encoding.ASCII.GetBytes(type), .. content];

    private static byte[] Full(string type, ReadOnlySpan<byte> content, byte flags = 0) => Atom(type, [0, 0, 0, flags, .. content]);

    private static byte[] Each(int count, int entryBytes, Func<int, long> value)
    {
        var table = new byte[count * entryBytes];
        for (var i = 0; i < count; i++)
        {
            var entry = table.AsSpan(i * entryBytes);
            if (entryBytes == 8)
            {
                BinaryPrimitives.WriteInt64BigEndian(entry, value(i));
            }
            else
            {
                BinaryPrimitives.WriteInt32BigEndian(entry, (int)value(i));
            }
        }

        return table;
    }

    private static byte[] U16(int value) => [(byte)(value >> 8), (byte)value];

    private static byte[] U32(int value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
}
