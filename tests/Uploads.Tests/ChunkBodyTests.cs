using System.IO.Pipelines;
using System.Security.Cryptography;
using Platform.Events;
using Platform.Storage;
using Xunit;

namespace Uploads.Tests;

public sealed class ChunkBodyTests
{
    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i * 7))];

    [Theory]
    [InlineData(1, 1)]
    [InlineData(100, 4_096)]
    [InlineData(10_000, 10_000)]
    [InlineData(3_000, 20_000)]
    public async Task A_whole_body_passes_unchanged_with_its_crc(int piece, int buffer)
    {
        var (read, body) = await ReadAsync(Bytes, Bytes.Length, Promise(Crc32.Append(0, Bytes), MD5.HashData(Bytes)), piece, buffer);
        Assert.Null(body.Failure);
        Assert.Equal(Bytes, read);
        Assert.Equal(Crc32.Append(0, Bytes), body.Crc32);
    }

    [Theory]
    [InlineData(9_999, "CHUNK_SIZE_MISMATCH")]
    [InlineData(0, "CHUNK_SIZE_MISMATCH")]
    [InlineData(10_001, "CHUNK_TOO_LARGE")]
    [InlineData(20_000, "CHUNK_TOO_LARGE")]
    public async Task A_body_of_another_size_is_never_handed_on_whole(int size, string code)
    {
        foreach (var piece in new[] { 1, 333, 10_000, 20_000 })
        {
            var (read, body) = await ReadAsync([.. Bytes, .. Bytes], Bytes.Length, new(), piece, 4_096, size);
            Assert.Equal(code, Assert.IsType<CommandRefusedException>(body.Failure).Code);
            Assert.True(read.Length < Bytes.Length);
        }
    }

    [Fact]
    public async Task A_damaged_body_is_never_handed_on_whole()
    {
        foreach (var promised in new[] { Promise(1, null), Promise(null, new byte[16]), Promise(Crc32.Append(0, Bytes), new byte[16]) })
        {
            var (read, body) = await ReadAsync(Bytes, Bytes.Length, promised, 1_000, 4_096);
            Assert.Equal("CHECKSUM_MISMATCH", Assert.IsType<CommandRefusedException>(body.Failure).Code);
            Assert.True(read.Length < Bytes.Length);
        }
    }

    private static ChecksumFields Promise(uint? crc32, byte[]? md5) =>
        new(crc32?.ToString("x8"), ContentMD5: md5 is null ? null : Convert.ToBase64String(md5));

    private static async Task<(byte[] Read, ChunkBody Body)> ReadAsync(
        byte[] bytes, int expected, ChecksumFields promised, int piece, int buffer, int? size = null)
    {
        // The writer waits for the reader, so each piece arrives by itself, and the reader cannot know what follows.
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 1, resumeWriterThreshold: 1));
        var writing = WriteAsync();
        using var checksums = new ChunkChecksums(promised, trailers: null);
        var body = new ChunkBody(pipe.Reader, expected, checksums);
        var read = new MemoryStream();
        try
        {
            await body.CopyToAsync(read, buffer, TestContext.Current.CancellationToken);
        }
        catch (CommandRefusedException e)
        {
            Assert.Same(e, body.Failure);
        }

        await pipe.Reader.CompleteAsync();
        await writing;
        return (read.ToArray(), body);

        async Task WriteAsync()
        {
            foreach (var chunk in bytes.AsMemory(0, size ?? bytes.Length).ToArray().Chunk(piece))
            {
                await pipe.Writer.WriteAsync(chunk, TestContext.Current.CancellationToken);
            }

            await pipe.Writer.CompleteAsync();
        }
    }
}
