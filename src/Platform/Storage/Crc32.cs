// CRC-32/ISO-HDLC (polynomial 0xEDB88320, reflected), as in ZIP, PNG and Ethernet.
//
// Polynomials over GF(2) are held reflected: in a 32-bit word the lowest bit is x^31, the highest is 1. The state is the register after the
// bytes seen so far, without the final inversion. Folding: a block of 128 bits that stands D bits before another has the same remainder as
// block * x^D, and that product takes two carry-less multiplications of its 64-bit halves by x^(D+32) and x^(D-32) mod P
// (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009).
// What is left after folding is 16 bytes of ordinary message, and the tables finish it.

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ArmCrc32 = System.Runtime.Intrinsics.Arm.Crc32;

namespace Platform.Storage;

/// <summary>CRC-32 as ZIP and PNG have it; the CRC of no bytes is 0. As fast as memory where the CPU multiplies without carries.</summary>
public static class Crc32
{
    private const uint Polynomial = 0xEDB88320;

    // Tables[n][b]: the register after byte b and n zero bytes.
    private static readonly uint[][] Tables = BuildTables();

    // PowersOfX[k] = x^(2^k) mod P.
    private static readonly uint[] PowersOfX = BuildPowersOfX();

    private static readonly Vector128<ulong> Over128Bits = FoldFactors(128);
    private static readonly Vector128<ulong> Over512Bits = FoldFactors(512);
    private static readonly Vector128<ulong> Over2048Bits = FoldFactors(2048);

    /// <summary>The CRC of the bytes behind <paramref name="crc"/> followed by <paramref name="bytes"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        var state = ~crc;
        if (Pclmulqdq.V512.IsSupported && bytes.Length >= 512)
        {
            state = Fold512(state, ref bytes);
        }
        else if (Pclmulqdq.IsSupported && bytes.Length >= 128)
        {
            state = Fold128(state, ref bytes);
        }

        return ~(ArmCrc32.Arm64.IsSupported ? AppendArm64(state, bytes) : AppendTables(state, bytes));
    }

    /// <summary>The CRC of A followed by B, from the CRCs of both and the size of B. Takes a fraction of a microsecond for any size.</summary>
    public static uint Combine(uint crcA, uint crcB, long sizeBytesB)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeBytesB);
        return Multiply(crcA, PowerOfX((UInt128)sizeBytesB * 8)) ^ crcB;
    }

    /// <summary>The portable way: sixteen bytes a step by tables.</summary>
    internal static uint AppendTables(uint state, ReadOnlySpan<byte> bytes)
    {
        var tables = Tables;
        for (; bytes.Length >= 16; bytes = bytes[16..])
        {
            var a = BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ state;
            var b = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            var c = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
            var d = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
            state = Word(a, 12) ^ Word(b, 8) ^ Word(c, 4) ^ Word(d, 0);
        }

        foreach (var b in bytes)
        {
            state = tables[0][(byte)(state ^ b)] ^ (state >> 8);
        }

        return state;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        uint Word(uint word, int zeros) => tables[zeros + 3][(byte)word] ^ tables[zeros + 2][(byte)(word >> 8)]
            ^ tables[zeros + 1][(byte)(word >> 16)] ^ tables[zeros][word >> 24];
    }

    private static uint AppendArm64(uint state, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            state = ArmCrc32.Arm64.ComputeCrc32(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (var b in bytes)
        {
            state = ArmCrc32.ComputeCrc32(state, b);
        }

        return state;
    }

    /// <summary>Takes all whole 16-byte blocks from <paramref name="bytes"/>, which must hold at least four; leaves the rest.</summary>
    // Compiled at full speed at once: it is hot from the first byte on.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static uint Fold128(uint state, ref ReadOnlySpan<byte> bytes)
    {
        var blocks = MemoryMarshal.Cast<byte, Vector128<ulong>>(bytes);
        var a = blocks[0] ^ Vector128.CreateScalar((ulong)state);
        var (b, c, d) = (blocks[1], blocks[2], blocks[3]);
        var next = blocks[4..];
        for (; next.Length >= 4; next = next[4..])
        {
            a = Fold(a, Over512Bits) ^ next[0];
            b = Fold(b, Over512Bits) ^ next[1];
            c = Fold(c, Over512Bits) ^ next[2];
            d = Fold(d, Over512Bits) ^ next[3];
        }

        a = Fold(Fold(Fold(a, Over128Bits) ^ b, Over128Bits) ^ c, Over128Bits) ^ d;
        foreach (var block in next)
        {
            a = Fold(a, Over128Bits) ^ block;
        }

        bytes = bytes[(blocks.Length * 16)..];
        return Finish(a);
    }

    /// <summary>Takes all whole 64-byte blocks from <paramref name="bytes"/>, which must hold at least four; leaves the rest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static uint Fold512(uint state, ref ReadOnlySpan<byte> bytes)
    {
        var blocks = MemoryMarshal.Cast<byte, Vector512<ulong>>(bytes);
        var a = blocks[0] ^ Vector512.CreateScalar((ulong)state);
        var (b, c, d) = (blocks[1], blocks[2], blocks[3]);
        var over2048 = Vector512.Create(Vector256.Create(Over2048Bits, Over2048Bits), Vector256.Create(Over2048Bits, Over2048Bits));
        var over512 = Vector512.Create(Vector256.Create(Over512Bits, Over512Bits), Vector256.Create(Over512Bits, Over512Bits));
        var next = blocks[4..];
        for (; next.Length >= 4; next = next[4..])
        {
            a = Fold(a, over2048) ^ next[0];
            b = Fold(b, over2048) ^ next[1];
            c = Fold(c, over2048) ^ next[2];
            d = Fold(d, over2048) ^ next[3];
        }

        a = Fold(Fold(Fold(a, over512) ^ b, over512) ^ c, over512) ^ d;
        foreach (var block in next)
        {
            a = Fold(a, over512) ^ block;
        }

        var (low, high) = (a.GetLower(), a.GetUpper());
        var sum = Fold(low.GetLower(), Over128Bits) ^ low.GetUpper();
        sum = Fold(sum, Over128Bits) ^ high.GetLower();
        sum = Fold(sum, Over128Bits) ^ high.GetUpper();
        bytes = bytes[(blocks.Length * 64)..];
        return Finish(sum);
    }

    private static uint Finish(Vector128<ulong> remainder) =>
        AppendTables(0, MemoryMarshal.AsBytes(new ReadOnlySpan<Vector128<ulong>>(in remainder)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Fold(Vector128<ulong> block, Vector128<ulong> factors) =>
        Pclmulqdq.CarrylessMultiply(block, factors, 0x00) ^ Pclmulqdq.CarrylessMultiply(block, factors, 0x11);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Fold(Vector512<ulong> block, Vector512<ulong> factors) =>
        Pclmulqdq.V512.CarrylessMultiply(block, factors, 0x00) ^ Pclmulqdq.V512.CarrylessMultiply(block, factors, 0x11);

    // A reflected product comes out one bit too low; the factors make up for it.
    private static Vector128<ulong> FoldFactors(int bits) =>
        Vector128.Create((ulong)PowerOfX((UInt128)(bits + 32)) << 1, (ulong)PowerOfX((UInt128)(bits - 32)) << 1);

    private static uint PowerOfX(UInt128 exponent)
    {
        var power = 1u << 31;
        for (var k = 0; exponent != 0; k++, exponent >>= 1)
        {
            if ((exponent & 1) != 0)
            {
                power = Multiply(power, PowersOfX[k]);
            }
        }

        return power;
    }

    /// <summary>a * b mod P.</summary>
    private static uint Multiply(uint a, uint b)
    {
        var product = CarrylessMultiply(a, b) << 1;

        // The low word is the part of degree 32 and more: four zero bytes through the register reduce it.
        var high = (uint)product;
        return (uint)(product >> 32) ^ Tables[3][(byte)high] ^ Tables[2][(byte)(high >> 8)] ^ Tables[1][(byte)(high >> 16)] ^ Tables[0][high >> 24];
    }

    private static ulong CarrylessMultiply(uint a, uint b)
    {
        if (Pclmulqdq.IsSupported)
        {
            return Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar((ulong)a), Vector128.CreateScalar((ulong)b), 0).ToScalar();
        }

        var product = 0UL;
        for (var bit = 0; bit < 32; bit++)
        {
            product ^= (ulong)(-((b >> bit) & 1) & a) << bit;
        }

        return product;
    }

    private static uint[][] BuildTables()
    {
        var tables = new uint[16][];
        for (var n = 0; n < 16; n++)
        {
            tables[n] = new uint[256];
            for (var b = 0u; b < 256; b++)
            {
                tables[n][b] = n == 0 ? OneByte(b) : tables[0][(byte)tables[n - 1][b]] ^ (tables[n - 1][b] >> 8);
            }
        }

        return tables;

        static uint OneByte(uint register)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                register = (register & 1) == 0 ? register >> 1 : (register >> 1) ^ Polynomial;
            }

            return register;
        }
    }

    private static uint[] BuildPowersOfX()
    {
        var powers = new uint[67];
        powers[0] = 1u << 30;
        for (var k = 1; k < powers.Length; k++)
        {
            powers[k] = Multiply(powers[k - 1], powers[k - 1]);
        }

        return powers;
    }
}
