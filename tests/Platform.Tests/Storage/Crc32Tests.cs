using Platform.Storage;
using Xunit;

namespace Platform.Tests.Storage;

public sealed class Crc32Tests
{
    private static readonly byte[] Bytes = RandomBytes(70_000);

    [Fact]
    public void The_check_value_of_the_standard_comes_out() => Assert.Equal(0xCBF43926u, Crc32.Append(0, "123456789"u8));

    [Fact]
    public void Every_length_and_alignment_agrees_with_one_byte_at_a_time()
    {
        for (var length = 0; length <= 1100; length++)
        {
            var bytes = Bytes.AsSpan(Random.Shared.Next(0, 64), length);
            var before = (uint)Random.Shared.NextInt64(uint.MaxValue);
            Assert.Equal(OneByteAtATime(before, bytes), Crc32.Append(before, bytes));
            Assert.Equal(OneByteAtATime(before, bytes), ~Crc32.AppendTables(~before, bytes));
        }

        Assert.Equal(OneByteAtATime(0, Bytes), Crc32.Append(0, Bytes));
    }

    [Fact]
    public void The_narrow_folding_agrees_too()
    {
        Assert.SkipUnless(System.Runtime.Intrinsics.X86.Pclmulqdq.IsSupported, "This CPU has no PCLMULQDQ.");
        for (var length = 64; length <= 1100; length++)
        {
            ReadOnlySpan<byte> bytes = Bytes.AsSpan(Random.Shared.Next(0, 64), length);
            var expected = OneByteAtATime(7, bytes);
            var state = Crc32.Fold128(~7u, ref bytes);
            Assert.Equal(length % 16, bytes.Length);
            Assert.Equal(expected, ~Crc32.AppendTables(state, bytes));
        }
    }

    [Fact]
    public void Two_pieces_combine_to_the_whole()
    {
        for (var round = 0; round < 2000; round++)
        {
            var cut = Random.Shared.Next(0, Bytes.Length + 1);
            var (a, b) = (Crc32.Append(0, Bytes.AsSpan(0, cut)), Crc32.Append(0, Bytes.AsSpan(cut)));
            Assert.Equal(Crc32.Append(0, Bytes), Crc32.Combine(a, b, Bytes.Length - cut));
        }
    }

    [Fact]
    public void Pieces_beyond_4_GiB_combine()
    {
        // Doubling a run of zeros by combining it with itself has to agree with combining it once at its full size.
        var (zeros, sizeBytes) = (Crc32.Append(0, new byte[1024]), 1024L);
        for (; sizeBytes < 1L << 40; sizeBytes *= 2)
        {
            zeros = Crc32.Combine(zeros, zeros, sizeBytes);
        }

        var once = Crc32.Combine(0, zeros, sizeBytes);
        Assert.Equal(zeros, once);
        Assert.Equal(Crc32.Combine(Crc32.Combine(5, zeros, sizeBytes), 9, 3), Crc32.Combine(5, Crc32.Combine(zeros, 9, 3), sizeBytes + 3));
    }

    private static uint OneByteAtATime(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(int)(crc & 1));
            }
        }

        return ~crc;
    }

    private static byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        new Random(1).NextBytes(bytes);
        return bytes;
    }
}
