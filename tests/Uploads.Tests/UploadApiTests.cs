using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Npgsql;
using Platform.Storage;
using Testing;
using Xunit;
using static Uploads.Tests.UploadHost;

namespace Uploads.Tests;

/// <summary>The answers of <c>docs/http-api.md</c>, on the folder store.</summary>
public sealed class FolderUploadApiTests(FolderNode node) : UploadApiTests(node), IClassFixture<FolderNode>;

/// <summary>The same on a real S3 server, reached as R2 is.</summary>
public sealed class S3UploadApiTests(S3Node node) : UploadApiTests(node), IClassFixture<S3Node>;

public abstract class UploadApiTests(UploadNode node) : IDisposable
{
    private const int ChunkSize = 5 << 20;

    private static readonly byte[] First = RandomNumberGenerator.GetBytes(ChunkSize);
    private static readonly byte[] Last = RandomNumberGenerator.GetBytes(1_000);

    private readonly ShiftedClock clock = node.Clock;
    private readonly UploadHost host = node.Host;
    private readonly IObjectStorage storage = node.Storage;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        clock.Shift = TimeSpan.Zero;
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_file_in_two_chunks_arrives_whole_and_is_recorded_once()
    {
        var upload = await host.InitAsync(ChunkSize + 1_000, ChunkSize, "Zoe\u0308 + 50%#.txt", weddingId: "w1");
        var id = upload.Id();
        Assert.Equal(2, upload.GetProperty("totalChunks").GetInt32());
        Assert.InRange(upload.GetProperty("expiresAt").GetDateTimeOffset(), clock.GetUtcNow().AddDays(5.9), clock.GetUtcNow().AddDays(6));

        var last = await host.SendAsync(id, 1, Last);
        var status = await host.StatusAsync(id);
        Assert.Equal("open", status.GetProperty("status").GetString());
        Assert.Equal([0], status.Ints("missingChunks"));
        Assert.Equal(last, Assert.Single(status.GetProperty("receivedChunks").EnumerateArray()).GetProperty("etag").GetString());
        var first = await host.SendAsync(id, 0, First);

        var completed = await ReadAsync(await host.CompleteAsync(id, first, last), 200);
        byte[] whole = [.. First, .. Last];
        Assert.Equal(upload.Key(), completed.Key());
        Assert.Equal(whole.Length, completed.GetProperty("sizeBytes").GetInt64());
        Assert.Equal(Crc32.Append(0, whole).ToString("x8"), completed.GetProperty("crc32").GetString());
        Assert.Equal(whole, await node.StoredAsync(upload.Key()));
        Assert.Equal("completed", (await host.StatusAsync(id)).GetProperty("status").GetString());

        var recorded = (await host.Events.FoldAsync<Upload, IUploadEvent>(id, Cancellation)).State.Result!;
        var head = await storage.HeadAsync(upload.Key(), Cancellation);
        Assert.Equal((head!.ETag, "Zoë + 50%#.txt", "w1"), (recorded.ETag, recorded.FileName, recorded.WeddingId));

        var again = await ReadAsync(await host.CompleteAsync(id, first, last), 200);
        Assert.Equal(completed.GetRawText(), again.GetRawText());
        Assert.Equal(
            ["upload_initiated", "chunk_stored", "chunk_stored", "completion_started", "upload_completed"], await host.HistoryAsync(id));
    }

    [Fact]
    public async Task A_chunk_sent_again_changes_nothing()
    {
        var id = (await host.InitAsync(1_000)).Id();
        var etag = await host.SendAsync(id, 0, Last);
        Assert.Equal(etag, await host.SendAsync(id, 0, Last));
        Assert.Equal(["upload_initiated", "chunk_stored"], await host.HistoryAsync(id));
    }

    [Fact]
    public async Task Other_bytes_under_an_index_count_and_the_old_etag_fails()
    {
        var upload = await host.InitAsync(1_000);
        var other = First[..1_000];
        var old = await host.SendAsync(upload.Id(), 0, Last);
        var current = await host.SendAsync(upload.Id(), 0, other);
        Assert.NotEqual(old, current);
        var problem = await RefusedAsync(await host.CompleteAsync(upload.Id(), old), 409, "ETAG_MISMATCH");
        Assert.Equal([0], problem.Ints("mismatchedChunks"));
        await ReadAsync(await host.CompleteAsync(upload.Id(), current), 200);
        Assert.Equal(other, await node.StoredAsync(upload.Key()));
    }

    [Fact]
    public async Task Two_writers_on_one_index_leave_one_of_their_chunks()
    {
        var upload = await host.InitAsync(1_000);
        using var slow = await AppendWire.SendHeadAsync(
            host, "PUT", $"/v1/uploads/{upload.Id()}/chunk", "X-Chunk-Index: 0", $"Content-Length: {Last.Length}");
        await slow.SendAsync(Last.AsMemory(..^1));
        await slow.TakenAsync();
        using var refused = await host.PutChunkAsync(upload.Id(), 0, new ByteArrayContent(Last));
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter?.Delta);
        await RefusedAsync(refused, 409, "CHUNK_IN_PROGRESS");
        await slow.SendAsync(Last.AsMemory(^1..));
        var etag = (await slow.ReadAsync()).Is(200)["ETag"];
        await ReadAsync(await host.CompleteAsync(upload.Id(), etag), 200);
    }

    [Theory]
    [InlineData(999, 400, "CHUNK_SIZE_MISMATCH")]
    [InlineData(0, 400, "CHUNK_SIZE_MISMATCH")]
    [InlineData(1_001, 413, "CHUNK_TOO_LARGE")]
    [InlineData(9_000_000, 413, "CHUNK_TOO_LARGE")]
    public async Task A_chunk_of_another_size_is_refused_with_and_without_content_length(int size, int status, string code)
    {
        var id = (await host.InitAsync(1_000)).Id();
        var bytes = new byte[size];
        foreach (var body in new HttpContent[] { new ByteArrayContent(bytes), new ChunkedContent(bytes) })
        {
            var problem = await RefusedAsync(await host.PutChunkAsync(id, 0, body), status, code);
            Assert.Equal(1_000, problem.GetProperty("expectedSizeBytes").GetInt64());
        }

        Assert.Equal(["upload_initiated"], await host.HistoryAsync(id));
    }

    [Fact]
    public async Task Only_the_last_chunk_has_the_size_of_the_rest()
    {
        var id = (await host.InitAsync(ChunkSize + 1_000, ChunkSize)).Id();
        var (first, last) = (await RefusedAsync(await host.PutChunkAsync(id, 0, new ByteArrayContent(Last)), 400, "CHUNK_SIZE_MISMATCH"),
            await RefusedAsync(await host.PutChunkAsync(id, 1, new ByteArrayContent(First)), 413, "CHUNK_TOO_LARGE"));
        Assert.Equal(ChunkSize, first.GetProperty("expectedSizeBytes").GetInt64());
        Assert.Equal(1_000, last.GetProperty("expectedSizeBytes").GetInt64());
        Assert.Equal(["upload_initiated"], await host.HistoryAsync(id));
    }

    [Fact]
    public async Task A_body_without_content_length_is_taken()
    {
        var upload = await host.InitAsync(ChunkSize);
        var chunk = await ReadAsync(await host.PutChunkAsync(upload.Id(), 0, new ChunkedContent(First)), 200);
        await ReadAsync(await host.CompleteAsync(upload.Id(), chunk.GetProperty("etag").GetString()!), 200);
        Assert.Equal(First, await node.StoredAsync(upload.Key()));
    }

    [Fact]
    public async Task A_chunk_larger_than_kestrels_limit_is_taken()
    {
        var bytes = RandomNumberGenerator.GetBytes(40_000_000);
        var upload = await host.InitAsync(bytes.Length, bytes.Length);
        var etag = await host.SendAsync(upload.Id(), 0, bytes);
        await ReadAsync(await host.CompleteAsync(upload.Id(), etag), 200);
    }

    [Fact]
    public async Task A_body_that_is_cut_off_records_nothing_and_harms_no_acknowledged_chunk()
    {
        var upload = await host.InitAsync(1_000);
        await CutOffAsync(upload.Id());
        Assert.Equal(0, Assert.Single((await host.StatusAsync(upload.Id())).Ints("missingChunks")));

        var etag = await SendPatientlyAsync(upload.Id(), Last);
        await CutOffAsync(upload.Id());
        Assert.Equal(["upload_initiated", "chunk_stored"], await host.HistoryAsync(upload.Id()));
        await ReadAsync(await host.CompleteAsync(upload.Id(), etag), 200);
        Assert.Equal(Last, await node.StoredAsync(upload.Key()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("1")]
    [InlineData("2147483648")]
    [InlineData("zero")]
    [InlineData("1.0")]
    public async Task An_index_the_file_does_not_have_is_refused(string? index)
    {
        var id = (await host.InitAsync(1_000)).Id();
        await RefusedAsync(await host.PutChunkAsync(id, index, new ByteArrayContent(Last)), 400, "INVALID_CHUNK_INDEX");
    }

    [Fact]
    public async Task A_header_that_names_another_upload_is_refused()
    {
        var id = (await host.InitAsync(1_000)).Id();
        var other = Guid.CreateVersion7().ToString();
        await RefusedAsync(await host.PutChunkAsync(id, 0, new ByteArrayContent(Last), "X-Upload-Id", other), 400, "UPLOAD_ID_MISMATCH");
        await ReadAsync(await host.PutChunkAsync(id, 0, new ByteArrayContent(Last), "X-Upload-Id", id.ToString()), 200);
    }

    [Fact]
    public async Task Completing_without_every_chunk_names_the_missing_ones_and_leaves_the_upload_open()
    {
        var id = (await host.InitAsync((2 * ChunkSize) + 1_000, ChunkSize)).Id();
        var etag = await host.SendAsync(id, 0, First);
        var problem = await RefusedAsync(await host.CompleteAsync(id, etag), 409, "MISSING_PARTS");
        Assert.Equal([1, 2], problem.Ints("missingChunks"));
        await RefusedAsync(await host.PostAsync($"/v1/uploads/{id}/complete", new { }), 409, "MISSING_PARTS");
        await host.SendAsync(id, 2, Last);
    }

    [Fact]
    public async Task Five_completions_at_once_are_one()
    {
        var counting = new FaultyObjectStorage(storage);
        await using var one = await UploadHost.StartAsync(node.ConnectionString, counting, work: false);
        var id = (await one.InitAsync(1_000)).Id();
        var etag = await one.SendAsync(id, 0, Last);
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => one.CompleteAsync(id, etag)));
        var bodies = await Task.WhenAll(answers.Select(answer => ReadAsync(answer, 200)));
        Assert.Single(bodies.Select(body => body.GetRawText()).Distinct());
        Assert.Equal(3, counting.Calls);
        Assert.Equal(["upload_initiated", "chunk_stored", "completion_started", "upload_completed"], await one.HistoryAsync(id));
    }

    [Fact]
    public async Task Completions_on_two_nodes_are_one()
    {
        await using var another = await UploadHost.StartAsync(node.ConnectionString, storage, clock);
        for (var round = 0; round < 5; round++)
        {
            var id = (await host.InitAsync(1_000)).Id();
            var etag = await host.SendAsync(id, 0, Last);
            foreach (var answer in await Task.WhenAll(host.CompleteAsync(id, etag), another.CompleteAsync(id, etag)))
            {
                if (answer.StatusCode == HttpStatusCode.Conflict)
                {
                    Assert.NotNull(answer.Headers.RetryAfter);
                    await RefusedAsync(answer, 409, "COMPLETE_IN_PROGRESS");
                }
                else
                {
                    await ReadAsync(answer, 200);
                }
            }

            Assert.Equal(["upload_initiated", "chunk_stored", "completion_started", "upload_completed"], await another.HistoryAsync(id));
        }
    }

    [Fact]
    public async Task A_chunk_racing_the_completion_never_succeeds_beside_it()
    {
        for (var round = 0; round < 10; round++)
        {
            var upload = await host.InitAsync(1_000);
            var etag = await host.SendAsync(upload.Id(), 0, Last);
            var racing = host.PutChunkAsync(upload.Id(), 0, new ByteArrayContent(First[..1_000]));
            var completing = host.CompleteAsync(upload.Id(), etag);
            using var chunk = await racing;
            using var completed = await completing;
            Assert.False(chunk.IsSuccessStatusCode && completed.IsSuccessStatusCode);
            if (completed.IsSuccessStatusCode)
            {
                Assert.Equal(Last, await node.StoredAsync(upload.Key()));
            }
        }
    }

    [Fact]
    public async Task Nothing_is_taken_after_completion()
    {
        var id = (await host.InitAsync(1_000)).Id();
        await ReadAsync(await host.CompleteAsync(id, await host.SendAsync(id, 0, Last)), 200);
        await RefusedAsync(await host.PutChunkAsync(id, 0, new ByteArrayContent(Last)), 409, "UPLOAD_COMPLETED");
        await RefusedAsync(await host.Client.DeleteAsync($"/v1/uploads/{id}", Cancellation), 409, "UPLOAD_COMPLETED");
    }

    [Fact]
    public async Task An_aborted_upload_leaves_nothing_and_takes_nothing()
    {
        var upload = await host.InitAsync(1_000);
        var etag = await host.SendAsync(upload.Id(), 0, Last);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            using var answer = await host.Client.DeleteAsync($"/v1/uploads/{upload.Id()}", Cancellation);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        }

        await RefusedAsync(await host.PutChunkAsync(upload.Id(), 0, new ByteArrayContent(Last)), 409, "UPLOAD_ABORTED");
        await RefusedAsync(await host.CompleteAsync(upload.Id(), etag), 409, "UPLOAD_ABORTED");
        Assert.Equal("aborted", (await host.StatusAsync(upload.Id())).GetProperty("status").GetString());
        await AssertPartsAreGoneAsync(upload.Id());
        Assert.Null(await storage.HeadAsync(upload.Key(), Cancellation));
        Assert.Equal(["upload_initiated", "chunk_stored", "upload_aborted", "parts_discarded"], await host.HistoryAsync(upload.Id()));
    }

    [Fact]
    public async Task An_expired_upload_says_so_at_once_and_its_parts_are_swept_up()
    {
        var id = (await host.InitAsync(1_000)).Id();
        var etag = await host.SendAsync(id, 0, Last);
        clock.Shift = TimeSpan.FromDays(6);
        await RefusedAsync(await host.PutChunkAsync(id, 0, new ByteArrayContent(Last)), 410, "UPLOAD_EXPIRED");
        await RefusedAsync(await host.CompleteAsync(id, etag), 410, "UPLOAD_EXPIRED");
        Assert.Equal("expired", (await host.StatusAsync(id)).GetProperty("status").GetString());

        await SweepUntilAsync(id, "parts_discarded");
        await AssertPartsAreGoneAsync(id);
        Assert.Equal(["upload_initiated", "chunk_stored", "upload_expired", "parts_discarded"], await host.HistoryAsync(id));
    }

    [Fact]
    public async Task An_upload_that_cannot_be_read_keeps_no_other_from_being_swept_up()
    {
        var broken = (await host.InitAsync(1_000)).Id();
        var id = (await host.InitAsync(1_000)).Id();
        await using var database = NpgsqlDataSource.Create(node.ConnectionString);
        await using var damage = database.CreateCommand(
            $$"""update mt_events set data = jsonb_set(data, '{SizeBytes}', '"many"') where stream_id = 'upload-{{broken}}'""");
        await Eventually.HoldsAsync(async () => await database.CreateCommand($"select count(*) from uploads.upload where upload_id = '{id}'")
            .ExecuteScalarAsync(Cancellation) is 1L);
        Assert.Equal(1, await damage.ExecuteNonQueryAsync(Cancellation));

        // Not before: the first node sweeps, too.
        clock.Shift = TimeSpan.FromDays(6);
        await using var other = await UploadHost.StartAsync(node.ConnectionString, storage, clock);

        await other.Sweep.SweepAsync(Cancellation);

        Assert.Contains("parts_discarded", await host.HistoryAsync(id));
        await database.CreateCommand("update uploads.upload set due_at = null where due_at is not null").ExecuteNonQueryAsync(Cancellation);
    }

    [Fact]
    public async Task A_completion_nobody_came_back_to_is_finished_by_the_sweep()
    {
        var upload = await host.InitAsync(1_000);
        await host.SendAsync(upload.Id(), 0, Last);
        var started = new CompletionStarted("a node that died", clock.GetUtcNow());
        await host.Events.DecideAsync<Upload, IUploadEvent>(upload.Id(), _ => [started], Cancellation);
        await RefusedAsync(await host.PutChunkAsync(upload.Id(), 0, new ByteArrayContent(Last)), 409, "COMPLETE_IN_PROGRESS");
        clock.Shift = Upload.CompletionLease;
        await SweepUntilAsync(upload.Id(), "upload_completed");
        Assert.Equal(Last, await node.StoredAsync(upload.Key()));
    }

    [Fact]
    public async Task A_multipart_upload_gone_from_the_bucket_is_never_complete()
    {
        var completing = await host.InitAsync(1_000);
        var etag = await host.SendAsync(completing.Id(), 0, Last);
        await DiscardBehindAsync(completing.Id());
        await RefusedAsync(await host.CompleteAsync(completing.Id(), etag), 410, "UPLOAD_LOST");
        await RefusedAsync(await host.CompleteAsync(completing.Id(), etag), 410, "UPLOAD_LOST");
        Assert.Null(await storage.HeadAsync(completing.Key(), Cancellation));

        var sending = (await host.InitAsync(1_000)).Id();
        await DiscardBehindAsync(sending);
        await RefusedAsync(await host.PutChunkAsync(sending, 0, new ByteArrayContent(Last)), 410, "UPLOAD_LOST");
        Assert.Equal("lost", (await host.StatusAsync(sending)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_part_replaced_in_the_bucket_is_asked_for_again()
    {
        var upload = await host.InitAsync(1_000);
        var etag = await host.SendAsync(upload.Id(), 0, Last);
        await storage.PutPartAsync(await MultipartAsync(upload.Id()), new(1, 0, 1_000), new MemoryStream(First[..1_000]), Cancellation);
        var problem = await RefusedAsync(await host.CompleteAsync(upload.Id(), etag), 409, "ETAG_MISMATCH");
        Assert.Equal([0], problem.Ints("mismatchedChunks"));
        Assert.Equal(0, Assert.Single((await host.StatusAsync(upload.Id())).Ints("missingChunks")));
        await ReadAsync(await host.CompleteAsync(upload.Id(), await host.SendAsync(upload.Id(), 0, Last)), 200);
        Assert.Equal(Last, await node.StoredAsync(upload.Key()));
    }

    [Fact]
    public async Task An_unknown_upload_is_not_found()
    {
        foreach (var id in new[] { Guid.CreateVersion7().ToString(), "7", "a b" })
        {
            await RefusedAsync(await host.Client.GetAsync($"/v1/uploads/{id}", Cancellation), 404, "UPLOAD_NOT_FOUND");
            await RefusedAsync(await host.Client.DeleteAsync($"/v1/uploads/{id}", Cancellation), 404, "UPLOAD_NOT_FOUND");
            await RefusedAsync(await host.PostAsync($"/v1/uploads/{id}/complete", new CompleteUpload([])), 404, "UPLOAD_NOT_FOUND");
        }

        await RefusedAsync(await host.PutChunkAsync(Guid.CreateVersion7(), 0, new ByteArrayContent(Last)), 404, "UPLOAD_NOT_FOUND");
    }

    [Fact]
    public async Task An_empty_file_has_no_chunks()
    {
        var upload = await host.InitAsync(0);
        Assert.Equal(0, upload.GetProperty("totalChunks").GetInt32());
        await RefusedAsync(await host.PutChunkAsync(upload.Id(), 0, new ByteArrayContent([])), 400, "INVALID_CHUNK_INDEX");
        var completed = await ReadAsync(await host.CompleteAsync(upload.Id()), 200);
        Assert.Equal("00000000", completed.GetProperty("crc32").GetString());
        Assert.Equal(0, (await storage.HeadAsync(upload.Key(), Cancellation))?.SizeBytes);
        Assert.Equal(completed.GetRawText(), (await ReadAsync(await host.CompleteAsync(upload.Id()), 200)).GetRawText());
    }

    [Fact]
    public async Task A_file_whose_first_bytes_disagree_with_its_type_is_over_even_if_they_come_last()
    {
        var upload = await host.InitAsync(ChunkSize + 1_000, ChunkSize, "photo.jpg", "image/jpeg");
        var page = new byte[ChunkSize];
        Encoding.ASCII.GetBytes("<!DOCTYPE html><script>alert(1)</script>").CopyTo(page, 0);
        var last = await host.SendAsync(upload.Id(), 1, Last);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            await RefusedAsync(await host.PutChunkAsync(upload.Id(), 0, new ByteArrayContent(page)), 415, "CONTENT_TYPE_MISMATCH");
        }

        await RefusedAsync(await host.CompleteAsync(upload.Id(), last, last), 415, "CONTENT_TYPE_MISMATCH");
        await AssertPartsAreGoneAsync(upload.Id());
        Assert.Equal(["upload_initiated", "chunk_stored", "upload_aborted", "parts_discarded"], await host.HistoryAsync(upload.Id()));
    }

    [Theory]
    [InlineData("fileName", "../a.txt", 400, "INVALID_FILE_NAME")]
    [InlineData("contentType", "text/html", 415, "UNSUPPORTED_CONTENT_TYPE")]
    [InlineData("sizeBytes", 10_737_418_241L, 413, "FILE_TOO_LARGE")]
    [InlineData("sizeBytes", -1L, 400, "INVALID_SIZE")]
    [InlineData("sizeBytes", "many", 400, "INVALID_REQUEST")]
    [InlineData("chunkSizeBytes", 5L, 400, "INVALID_CHUNK_SIZE")]
    [InlineData("userRole", "admin", 400, "INVALID_USER_ROLE")]
    [InlineData("userId", "", 400, "INVALID_USER_ID")]
    [InlineData("weddingId", "a b", 400, "INVALID_WEDDING_ID")]
    public async Task Every_rule_of_init_has_its_code(string member, object value, int status, string code)
    {
        var body = new Dictionary<string, object>
        {
            ["fileName"] = "a.txt",
            ["contentType"] = "text/plain",
            ["sizeBytes"] = 10_000_000,
            ["userRole"] = "member",
            ["userId"] = "u1",
            [member] = value,
        };
        await RefusedAsync(await host.PostAsync("/v1/uploads/init", body), status, code);
    }

    [Fact]
    public async Task What_HTTP_itself_refuses_has_a_code_too()
    {
        await RefusedAsync(await host.Client.PatchAsync("/v1/uploads/init", null, Cancellation), 405, "METHOD_NOT_ALLOWED");
        var form = new StringContent("a=b");
        await RefusedAsync(await host.Client.PostAsync("/v1/uploads/init", form, Cancellation), 415, "UNSUPPORTED_MEDIA_TYPE");
        var half = new StringContent("{", Encoding.UTF8, "application/json");
        await RefusedAsync(await host.Client.PostAsync("/v1/uploads/init", half, Cancellation), 400, "INVALID_REQUEST");
        await RefusedAsync(await host.PostAsync("/v1/uploads/init", new { }), 400, "INVALID_FILE_NAME");
        var id = (await host.InitAsync(1_000)).Id();
        await RefusedAsync(await host.PostAsync($"/v1/uploads/{id}/complete", new CompleteUpload([null])), 409, "MISSING_PARTS");
        await RefusedAsync(await host.PostAsync($"/v1/uploads/{id}/complete", new { parts = "all" }), 400, "INVALID_REQUEST");
    }

    [Fact]
    public async Task Uploads_of_a_wedding_are_listed_newest_first()
    {
        var older = await host.InitAsync(0, weddingId: "listed");
        var newer = await host.InitAsync(1_000, weddingId: "listed");
        await host.InitAsync(1_000, weddingId: "other");
        await ReadAsync(await host.CompleteAsync(older.Id()), 200);

        async Task<(Guid, string?)[]> ListAsync(string query)
        {
            var page = await ReadAsync(await host.Client.GetAsync($"/v1/uploads?{query}", Cancellation), 200);
            return [.. page.GetProperty("uploads").EnumerateArray().Select(row => (row.Id(), row.GetProperty("status").GetString()))];
        }

        (Guid, string?)[] expected = [(newer.Id(), "open"), (older.Id(), "completed")];
        await Eventually.HoldsAsync(async () => (await ListAsync("weddingId=listed")).SequenceEqual(expected));
        Assert.Equal(expected[1], Assert.Single(await ListAsync($"weddingId=listed&before={newer.Id()}")));
        await RefusedAsync(await host.Client.GetAsync("/v1/uploads", Cancellation), 400, "INVALID_WEDDING_ID");
    }

    private async Task<MultipartUpload> MultipartAsync(Guid id) =>
        (await host.Events.FoldAsync<Upload, IUploadEvent>(id, Cancellation)).State.Multipart!;

    private async Task DiscardBehindAsync(Guid id) => await storage.AbortMultipartAsync(await MultipartAsync(id), Cancellation);

    private async Task AssertPartsAreGoneAsync(Guid id)
    {
        var multipart = await MultipartAsync(id);
        var gone = await Assert.ThrowsAsync<StorageException>(() => storage.ListPartsAsync(multipart, Cancellation));
        Assert.Equal(StorageError.MultipartNotFound, gone.Error);
    }

    private Task SweepUntilAsync(Guid id, string type) => Eventually.HoldsAsync(async () =>
    {
        await host.Sweep.SweepAsync(Cancellation);
        return (await host.HistoryAsync(id)).Contains(type);
    });

    /// <summary>Promises 1,000 bytes, sends 600 and hangs up.</summary>
    private async Task CutOffAsync(Guid id)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", host.Client.BaseAddress!.Port, Cancellation);
        var head = $"PUT /v1/uploads/{id}/chunk HTTP/1.1\r\nHost: localhost\r\nX-Chunk-Index: 0\r\nContent-Length: 1000\r\n\r\n";
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head), Cancellation);
        await socket.GetStream().WriteAsync(First.AsMemory(0, 600), Cancellation);
    }

    /// <summary>Sends a chunk as a client does: again, while the server still holds a broken connection.</summary>
    private async Task<string> SendPatientlyAsync(Guid id, byte[] bytes)
    {
        HttpResponseMessage? answer = null;
        await Eventually.HoldsAsync(async () =>
            (answer = await host.PutChunkAsync(id, 0, new ByteArrayContent(bytes))).StatusCode is not HttpStatusCode.Conflict);
        return (await ReadAsync(answer!, 200)).GetProperty("etag").GetString()!;
    }
}
