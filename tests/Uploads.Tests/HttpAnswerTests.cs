using System.Net;
using System.Security.Cryptography;
using Testing;
using Xunit;
using static Uploads.Tests.UploadHost;

namespace Uploads.Tests;

public sealed class FolderHttpAnswerTests(FolderNode node) : HttpAnswerTests(node), IClassFixture<FolderNode>;

public sealed class S3HttpAnswerTests(S3Node node) : HttpAnswerTests(node), IClassFixture<S3Node>;

/// <summary>Hostile, slow and foreign clients, and a store that fails.</summary>
public abstract class HttpAnswerTests(UploadNode node)
{
    private static readonly byte[] Chunk = RandomNumberGenerator.GetBytes(1_000);

    private readonly UploadHost host = node.Host;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("a/b.txt")]
    [InlineData(@"..\a.txt")]
    [InlineData("a\0.txt")]
    [InlineData("a\r\nX-Evil: 1.txt")]
    [InlineData("photo\u202Egpj.exe")]
    public async Task A_hostile_name_is_refused(string name) =>
        await RefusedAsync(await host.PostInitAsync(1_000, fileName: name), 400, "INVALID_FILE_NAME");

    [Fact]
    public async Task A_name_of_256_bytes_is_refused_and_one_of_255_stored()
    {
        await RefusedAsync(await host.PostInitAsync(1_000, fileName: new string('é', 126) + ".txt"), 400, "INVALID_FILE_NAME");
        var upload = await host.InitAsync(1_000, fileName: new string('é', 125) + "x.txt");
        await ReadAsync(await host.CompleteAsync(upload.Id(), await host.SendAsync(upload.Id(), 0, Chunk)), 200);
        Assert.Equal(Chunk, await node.StoredAsync(upload.Key()));
    }

    [Fact]
    public async Task One_name_twice_on_a_day_is_two_files_however_it_is_composed()
    {
        foreach (var name in new[] { "Zoë.txt", "Zoe\u0308.txt" })
        {
            var first = await StoreAsync(name, Chunk);
            var second = await StoreAsync(name, Chunk[..999]);
            Assert.NotEqual(first, second);
            Assert.Equal(5, first.Split('/').Length);
            Assert.Equal(Chunk, await node.StoredAsync(first));
            Assert.Equal(Chunk[..999], await node.StoredAsync(second));
        }

        async Task<string> StoreAsync(string name, byte[] bytes)
        {
            var upload = await host.InitAsync(bytes.Length, fileName: name);
            await ReadAsync(await host.CompleteAsync(upload.Id(), await host.SendAsync(upload.Id(), 0, bytes)), 200);
            return upload.Key();
        }
    }

    [Fact]
    public async Task Ten_gibibytes_are_taken_and_one_byte_more_is_not()
    {
        var upload = await host.InitAsync(10L << 30);
        Assert.Equal(640, upload.GetProperty("totalChunks").GetInt32());
        using var answer = await host.Client.DeleteAsync($"/v1/uploads/{upload.Id()}", Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        var problem = await RefusedAsync(await host.PostInitAsync((10L << 30) + 1), 413, "FILE_TOO_LARGE");
        Assert.Equal(10L << 30, problem.GetProperty("maxSizeBytes").GetInt64());
    }

    [Fact]
    public async Task Two_nodes_may_write_one_chunk_at_once_and_one_of_them_has_written_it()
    {
        await using var another = await UploadHost.StartAsync(node.ConnectionString, node.Storage, node.Clock, work: false);
        for (var round = 0; round < 5; round++)
        {
            var upload = await host.InitAsync(1_000);
            byte[] other = [.. Chunk.Reverse()];
            foreach (var answer in await Task.WhenAll(
                host.PutChunkAsync(upload.Id(), 0, new ByteArrayContent(Chunk)), another.PutChunkAsync(upload.Id(), 0, new ByteArrayContent(other))))
            {
                await ReadAsync(answer, 200);
            }

            // The stream may name the writer whom the store forgot. Then it is found out, and the chunk is asked for again.
            var recorded = (await host.StatusAsync(upload.Id())).GetProperty("receivedChunks")[0].GetProperty("etag").GetString()!;
            var completed = await host.CompleteAsync(upload.Id(), recorded);
            if (completed.StatusCode is HttpStatusCode.Conflict)
            {
                var problem = await RefusedAsync(completed, 409, "ETAG_MISMATCH");
                Assert.Equal([0], problem.Ints("mismatchedChunks"));
                completed = await host.CompleteAsync(upload.Id(), await host.SendAsync(upload.Id(), 0, Chunk));
            }

            await ReadAsync(completed, 200);
            Assert.Contains(await node.StoredAsync(upload.Key()), new[] { Chunk, other });
        }
    }

    [Fact]
    public async Task A_store_that_fails_leaves_the_upload_as_it_was()
    {
        var failing = new FaultyObjectStorage(node.Storage);
        await using var fragile = await UploadHost.StartAsync(node.ConnectionString, failing, node.Clock, work: false);
        failing.FailAt(1, afterEffect: false);
        await RefusedAsync(await fragile.PostInitAsync(1_000), 502, "STORAGE_ERROR");
        var upload = await fragile.InitAsync(1_000);
        failing.FailAt(1, afterEffect: false);
        await RefusedAsync(await fragile.PutChunkAsync(upload.Id(), 0, new ByteArrayContent(Chunk)), 502, "STORAGE_ERROR");
        var status = await fragile.StatusAsync(upload.Id());
        Assert.Equal([0], status.Ints("missingChunks"));
        var etag = await fragile.SendAsync(upload.Id(), 0, Chunk);
        failing.FailAt(1, afterEffect: true);
        await RefusedAsync(await fragile.CompleteAsync(upload.Id(), etag), 502, "STORAGE_ERROR");
        await ReadAsync(await fragile.CompleteAsync(upload.Id(), etag), 200);
        Assert.Equal(Chunk, await node.StoredAsync(upload.Key()));
    }

    /// <summary>Kestrel's limit: 240 bytes a second, after five seconds.</summary>
    [Fact]
    public async Task A_sender_that_falls_asleep_gets_408_and_nothing_is_recorded()
    {
        await using var strict = await UploadHost.StartAsync(node.ConnectionString, node.Storage, node.Clock, work: false, endsSleepers: true);
        var id = (await strict.InitAsync(1_000)).Id();
        var head = $"PUT /v1/uploads/{id}/chunk HTTP/1.1\nHost: localhost\nX-Chunk-Index: 0\nContent-Length: 1000\n\n";
        var problem = await strict.SendRawAsync(408, head, Chunk[..600]);
        Assert.Equal("REQUEST_TIMEOUT", problem.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(["upload_initiated"], await strict.HistoryAsync(id));
        await strict.SendAsync(id, 0, Chunk);
    }

    [Theory]
    [InlineData("PATCH", "/v1/uploads/init", "DELETE, GET, POST")]
    [InlineData("DELETE", "/v1/uploads/019a0000-0000-7000-8000-0123456789ab/chunk", "POST, PUT")]
    [InlineData("GET", "/v1/uploads/019a0000-0000-7000-8000-0123456789ab/complete", "POST")]
    [InlineData("PUT", "/v1/uploads/019a0000-0000-7000-8000-0123456789ab", "DELETE, GET")]
    public async Task A_wrong_method_is_answered_with_the_right_ones(string method, string path, string allowed)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var answer = await host.Client.SendAsync(request, Cancellation);
        Assert.Equal(allowed.Split(", "), answer.Content.Headers.Allow.Order(StringComparer.Ordinal));
        await RefusedAsync(answer, 405, "METHOD_NOT_ALLOWED");
    }

    [Fact]
    public async Task A_page_of_a_configured_origin_reads_answers_and_errors()
    {
        var id = (await host.InitAsync(1_000)).Id();
        foreach (var (index, status) in new[] { (0, HttpStatusCode.OK), (1, HttpStatusCode.BadRequest) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, $"/v1/uploads/{id}/chunk") { Content = new ByteArrayContent(Chunk) };
            request.Headers.Add("X-Chunk-Index", $"{index}");
            request.Headers.Add("Origin", Origin);
            using var answer = await host.Client.SendAsync(request, Cancellation);
            Assert.Equal(status, answer.StatusCode);
            Assert.Equal([Origin], answer.Headers.GetValues("Access-Control-Allow-Origin"));
            Assert.False(answer.Headers.Contains("Access-Control-Allow-Credentials"));
            Assert.Equal(["Origin"], answer.Headers.Vary);
            var exposed = string.Join(',', answer.Headers.GetValues("Access-Control-Expose-Headers")).Split(',');
            Assert.Subset(exposed.ToHashSet(), new HashSet<string> { "ETag", "Location", "Retry-After" });
        }
    }

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("null")]
    [InlineData(null)]
    public async Task Another_origin_is_told_nothing_and_caches_know_that_it_depends(string? origin)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/uploads/{(await host.InitAsync(1_000)).Id()}");
        if (origin is not null)
        {
            request.Headers.Add("Origin", origin);
        }

        using var answer = await host.Client.SendAsync(request, Cancellation);
        Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
        Assert.Equal(["Origin"], answer.Headers.Vary);
    }

    [Fact]
    public async Task A_browser_may_ask_beforehand_and_send_every_header()
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, $"/v1/uploads/{Guid.CreateVersion7()}/chunk");
        request.Headers.Add("Origin", Origin);
        request.Headers.Add("Access-Control-Request-Method", "PUT");
        request.Headers.Add("Access-Control-Request-Headers", "x-chunk-index,content-digest,x-checksum-crc32");
        using var answer = await host.Client.SendAsync(request, Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal([Origin], answer.Headers.GetValues("Access-Control-Allow-Origin"));
        Assert.Contains("PUT", answer.Headers.GetValues("Access-Control-Allow-Methods"));
        Assert.Contains("x-chunk-index,content-digest,x-checksum-crc32", answer.Headers.GetValues("Access-Control-Allow-Headers"));
    }
}
