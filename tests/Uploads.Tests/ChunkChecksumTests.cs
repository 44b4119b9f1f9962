using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Platform.Storage;
using Xunit;
using static Uploads.Tests.UploadHost;

namespace Uploads.Tests;

public sealed class FolderChunkChecksumTests(FolderNode node) : ChunkChecksumTests(node), IClassFixture<FolderNode>;

public sealed class S3ChunkChecksumTests(S3Node node) : ChunkChecksumTests(node), IClassFixture<S3Node>;

/// <summary>What a client says about a chunk's bytes is verified before the chunk counts.</summary>
public abstract class ChunkChecksumTests(UploadNode node)
{
    private static readonly byte[] Chunk = RandomNumberGenerator.GetBytes(1_000);
    private static readonly byte[] Other = RandomNumberGenerator.GetBytes(1_000);

    private readonly UploadHost host = node.Host;

    public static TheoryData<string, string> RightFields() => new()
    {
        { "x-checksum-crc32", Convert.ToHexStringLower(Crc(Chunk)) },
        { "x-checksum-crc32", Convert.ToHexString(Crc(Chunk)) },
        { "x-checksum-crc32", Convert.ToBase64String(Crc(Chunk)) },
        { "x-amz-checksum-crc32", Convert.ToBase64String(Crc(Chunk)) },
        { "Content-MD5", Convert.ToBase64String(MD5.HashData(Chunk)) },
        { "Content-Digest", Digest("md5", MD5.HashData(Chunk)) },
        { "Content-Digest", Digest("sha-256", SHA256.HashData(Chunk)) },
        { "Content-Digest", Digest("sha-512", SHA512.HashData(Chunk)) },
        { "Content-Digest", $"unixsum=:AA==:, {Digest("sha-256", SHA256.HashData(Chunk))}" },
    };

    [Theory]
    [MemberData(nameof(RightFields))]
    public async Task Bytes_that_fit_their_checksum_are_taken_and_others_replace_nothing(string field, string value)
    {
        var upload = await host.InitAsync(1_000);
        var etag = (await ReadAsync(await PutAsync(upload.Id(), Chunk, field, value), 200)).GetProperty("etag").GetString()!;
        await RefusedAsync(await PutAsync(upload.Id(), Other, field, value), 400, "CHECKSUM_MISMATCH");
        Assert.Equal(["upload_initiated", "chunk_stored"], await host.HistoryAsync(upload.Id()));
        await ReadAsync(await host.CompleteAsync(upload.Id(), etag), 200);
        Assert.Equal(Chunk, await node.StoredAsync(upload.Key()));
    }

    [Theory]
    [MemberData(nameof(RightFields))]
    public async Task A_checksum_may_follow_the_bytes(string field, string value)
    {
        var upload = await host.InitAsync(1_000);
        await SendWithTrailerAsync(upload.Id(), 200, Chunk, field, value);

        // A digest that nobody computed cannot be verified: a trailer's Content-Digest has sha-256.
        var isVerified = !value.StartsWith("md5", StringComparison.Ordinal) && !value.StartsWith("sha-512", StringComparison.Ordinal);
        var answer = await SendWithTrailerAsync(upload.Id(), isVerified ? 400 : 200, Other, field, value);
        if (isVerified)
        {
            Assert.Equal("CHECKSUM_MISMATCH", answer.GetProperty("error").GetProperty("code").GetString());
            Assert.Equal(["upload_initiated", "chunk_stored"], await host.HistoryAsync(upload.Id()));
        }
    }

    [Theory]
    [InlineData("x-checksum-crc32", "crc")]
    [InlineData("x-checksum-crc32", "0123456789")]
    [InlineData("x-amz-checksum-crc32", "AAA=")]
    [InlineData("Content-MD5", "AAAA")]
    [InlineData("Content-Digest", "sha-256")]
    [InlineData("Content-Digest", "=:AA==:")]
    [InlineData("Content-Digest", "sha-256=abc")]
    [InlineData("Content-Digest", "sha-256=:")]
    [InlineData("Content-Digest", "sha-256=::")]
    [InlineData("Content-Digest", "md5=:AAAA:")]
    public async Task A_malformed_checksum_is_refused(string field, string value)
    {
        var id = (await host.InitAsync(1_000)).Id();
        await RefusedAsync(await PutAsync(id, Chunk, field, value), 400, "INVALID_CHECKSUM");
        var answer = await SendWithTrailerAsync(id, 400, Chunk, field, value);
        Assert.Equal("INVALID_CHECKSUM", answer.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(["upload_initiated"], await host.HistoryAsync(id));
    }

    [Fact]
    public async Task Every_checksum_given_must_hold()
    {
        var id = (await host.InitAsync(1_000)).Id();
        var value = $"{Digest("sha-256", SHA256.HashData(Chunk))}, {Digest("md5", MD5.HashData(Other))}";
        await RefusedAsync(await PutAsync(id, Chunk, "Content-Digest", value), 400, "CHECKSUM_MISMATCH");
    }

    private static string Digest(string algorithm, byte[] digest) => $"{algorithm}=:{Convert.ToBase64String(digest)}:";

    private static byte[] Crc(byte[] bytes)
    {
        var crc = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(crc, Crc32.Append(0, bytes));
        return crc;
    }

    private Task<HttpResponseMessage> PutAsync(Guid id, byte[] bytes, string field, string value)
    {
        var body = new ByteArrayContent(bytes);
        if (!field.StartsWith("Content-M", StringComparison.Ordinal))
        {
            return host.PutChunkAsync(id, 0, body, field, value);
        }

        body.Headers.TryAddWithoutValidation(field, value);
        return host.PutChunkAsync(id, 0, body);
    }

    private Task<System.Text.Json.JsonElement> SendWithTrailerAsync(Guid id, int status, byte[] bytes, string field, string value) =>
        host.SendRawAsync(
            status,
            $"""
            PUT /v1/uploads/{id}/chunk HTTP/1.1
            Host: localhost
            Connection: close
            X-Chunk-Index: 0
            Transfer-Encoding: chunked
            Trailer: {field}


            """,
            Encoding.ASCII.GetBytes($"{bytes.Length:x}\r\n"),
            bytes,
            Encoding.ASCII.GetBytes($"\r\n0\r\n{field}: {value}\r\n\r\n"));
}
