using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace Testing;

/// <summary>
/// A baseline JPEG encoder (ITU-T T.81): 8 bits, YCbCr with halved colour planes, one quantisation table and one pair of Huffman tables for all
/// components. The file is SOI, APP0 (JFIF), COM, DQT, SOF0, DHT, SOS, the entropy-coded units of 16 × 16 pixels, EOI.
/// </summary>
internal static class SampleMediaJpeg
{
    private static readonly byte[] ZigZag =
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];

    // T.81 annex K.3: how many codes of each length from 1 to 16, then the symbols in order of their codes.
    private static readonly byte[] DcLengths = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
    private static readonly byte[] DcSymbols = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    private static readonly byte[] AcLengths = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D];
    private static readonly byte[] AcSymbols = Convert.FromHexString(
        "01020300041105122131410613516107227114328191A1082342B1C11552D1F02433627282090A161718191A25262728292A3435363738393A43444546474849" +
        "4A535455565758595A636465666768696A737475767778797A838485868788898A92939495969798999AA2A3A4A5A6A7A8A9AAB2B3B4B5B6B7B8B9BAC2C3C4C5" +
        "C6C7C8C9CAD2D3D4D5D6D7D8D9DAE1E2E3E4E5E6E7E8E9EAF1F2F3F4F5F6F7F8F9FA");

    private static readonly (uint Code, int Bits)[] DcCodes = Codes(DcLengths, DcSymbols);
    private static readonly (uint Code, int Bits)[] AcCodes = Codes(AcLengths, AcSymbols);

    private static readonly byte[] Quantizers = [.. Enumerable.Range(0, 64).Select(i => (byte)(1 + (((i / 8) + (i % 8)) / 3)))];
    private static readonly Vector256<float>[] Reciprocals =
        [.. Enumerable.Range(0, 8).Select(row => Vector256.Create([.. Enumerable.Range(0, 8).Select(column => 1f / Quantizers[(row * 8) + column])]))];

    // The cosine transform as a matrix: coefficients = Cosines × samples × Cosines transposed.
    private static readonly float[] Cosines = [.. Enumerable.Range(0, 64).Select(i =>
        (float)(Math.Cos(((2 * (i % 8)) + 1) * (i / 8) * Math.PI / 16) * Math.Sqrt(i < 8 ? 0.125 : 0.25)))];

    private static readonly Vector256<float>[] CosinesTransposed =
        [.. Enumerable.Range(0, 8).Select(row => Vector256.Create([.. Enumerable.Range(0, 8).Select(column => Cosines[(column * 8) + row])]))];

    public static byte[] Encode(SampleMediaScene scene, int width, int height)
    {
        var output = new ArrayBufferWriter<byte>(1 << 20);
        WriteHeaders(output, scene.Seed, width, height);
        var bits = new BitWriter(output);
        Span<int> previous = [0, 0, 0];
        Span<Vector256<float>> block = stackalloc Vector256<float>[8];
        for (var y = 0; y < height; y += 16)
        {
            for (var x = 0; x < width; x += 16)
            {
                bits.Reserve();
                for (var quarter = 0; quarter < 4; quarter++)
                {
                    scene.Render(block, 0, x + (quarter % 2 * 8), y + (quarter / 2 * 8), 1, width);
                    EncodeBlock(block, ref previous[0], ref bits);
                }

                for (var component = 1; component < 3; component++)
                {
                    scene.Render(block, component, x, y, 2, width);
                    EncodeBlock(block, ref previous[component], ref bits);
                }
            }
        }

        bits.Flush();
        output.Write<byte>([0xFF, 0xD9]);
        return output.WrittenSpan.ToArray();
    }

    private static void EncodeBlock(scoped Span<Vector256<float>> block, ref int previousDc, ref BitWriter bits)
    {
        Span<int> coefficients = stackalloc int[64];
        Transform(block, coefficients);

        var difference = coefficients[0] - previousDc;
        previousDc = coefficients[0];
        var size = Size(difference);
        bits.Write(DcCodes[size], difference, size);

        var zeros = 0;
        for (var i = 1; i < 64; i++)
        {
            var coefficient = coefficients[ZigZag[i]];
            if (coefficient == 0)
            {
                zeros++;
                continue;
            }

            for (; zeros > 15; zeros -= 16)
            {
                bits.Write(AcCodes[0xF0], 0, 0);
            }

            size = Size(coefficient);
            bits.Write(AcCodes[(zeros << 4) | size], coefficient, size);
            zeros = 0;
        }

        if (zeros > 0)
        {
            bits.Write(AcCodes[0], 0, 0);
        }
    }

    // Multiplications and additions are not fused: the same bytes on every processor.
    private static void Transform(Span<Vector256<float>> samples, Span<int> coefficients)
    {
        Span<float> columnsDone = stackalloc float[64];
        for (var row = 0; row < 8; row++)
        {
            var sum = Vector256<float>.Zero;
            for (var k = 0; k < 8; k++)
            {
                sum += samples[k] * Cosines[(row * 8) + k];
            }

            sum.CopyTo(columnsDone[(row * 8)..]);
        }

        for (var row = 0; row < 8; row++)
        {
            var sum = Vector256<float>.Zero;
            for (var k = 0; k < 8; k++)
            {
                sum += CosinesTransposed[k] * columnsDone[(row * 8) + k];
            }

            Vector256.ConvertToInt32(Vector256.Round(sum * Reciprocals[row])).CopyTo(coefficients[(row * 8)..]);
        }
    }

    private static int Size(int value) => 32 - BitOperations.LeadingZeroCount((uint)Math.Abs(value));

    private static (uint Code, int Bits)[] Codes(byte[] lengths, byte[] symbols)
    {
        var codes = new (uint, int)[256];
        var (code, next) = (0u, 0);
        for (var bits = 1; bits <= 16; bits++, code <<= 1)
        {
            for (var i = 0; i < lengths[bits - 1]; i++)
            {
                codes[symbols[next++]] = (code++, bits);
            }
        }

        return codes;
    }

    private static void WriteHeaders(ArrayBufferWriter<byte> output, int seed, int width, int height)
    {
        output.Write<byte>([0xFF, 0xD8]);
        Segment(output, 0xE0, [.. "JFIF\0"u8, 1, 1, 0, 0, 1, 0, 1, 0, 0]);
        Segment(output, 0xFE, System.Text.Encoding.ASCII.GetBytes($"sample {seed}"));
        Segment(output, 0xDB, [0, .. ZigZag.Select(i => Quantizers[i])]);
        var size = new byte[4];
        BinaryPrimitives.WriteUInt16BigEndian(size, (ushort)height);
        BinaryPrimitives.WriteUInt16BigEndian(size.AsSpan(2), (ushort)width);
        Segment(output, 0xC0, [8, .. size, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
        Segment(output, 0xC4, [0x00, .. DcLengths, .. DcSymbols]);
        Segment(output, 0xC4, [0x10, .. AcLengths, .. AcSymbols]);
        Segment(output, 0xDA, [3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    }

    private static void Segment(ArrayBufferWriter<byte> output, byte marker, ReadOnlySpan<byte> content)
    {
        output.Write<byte>([0xFF, marker, (byte)((content.Length + 2) >> 8), (byte)(content.Length + 2)]);
        output.Write(content);
    }

    /// <summary>Bits, highest first; a 0 follows every byte 0xFF.</summary>
    private ref struct BitWriter(ArrayBufferWriter<byte> output)
    {
        private const int MostBytesPerUnit = 6 * 64 * 8; // six blocks, 27 bits a coefficient at most, each byte perhaps stuffed

        private Span<byte> buffer;
        private int used;
        private ulong pending;
        private int pendingBits;

        /// <summary>Makes room for one unit of 16 × 16 pixels.</summary>
        public void Reserve()
        {
            output.Advance(used);
            buffer = output.GetSpan(MostBytesPerUnit);
            used = 0;
        }

        /// <summary>Writes a code and behind it, in <paramref name="size"/> bits, the value it announces; negative ones less 1 (T.81 F.1.2.1).</summary>
        public void Write((uint Code, int Bits) code, int value, int size)
        {
            pending = (((pending << code.Bits) | code.Code) << size) | ((uint)(value + (value >> 31)) & ((1u << size) - 1));
            pendingBits += code.Bits + size;
            if (pendingBits < 32)
            {
                return;
            }

            pendingBits -= 32;
            var word = (uint)(pending >> pendingBits);
            if (((~word - 0x01010101) & word & 0x80808080) == 0) // no byte is 0xFF
            {
                BinaryPrimitives.WriteUInt32BigEndian(buffer[used..], word);
                used += 4;
                return;
            }

            for (var shift = 24; shift >= 0; shift -= 8)
            {
                Put((byte)(word >> shift));
            }
        }

        /// <summary>Fills the last byte with ones.</summary>
        public void Flush()
        {
            pending = (pending << 7) | 0x7F;
            for (pendingBits += 7; pendingBits >= 8; pendingBits -= 8)
            {
                Put((byte)(pending >> (pendingBits - 8)));
            }

            output.Advance(used);
        }

        private void Put(byte value)
        {
            buffer[used++] = value;
            if (value == 0xFF)
            {
                buffer[used++] = 0;
            }
        }
    }
}
