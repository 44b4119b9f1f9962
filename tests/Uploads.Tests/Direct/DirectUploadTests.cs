using System.Security.Cryptography;
using System.Text.Json;
using Platform.Storage;
using Testing;
using Xunit;
using static Uploads.Tests.UploadHost;

namespace Uploads.Tests;

/// <summary>Where the store has no links: parts come to this server.</summary>
public sealed class FolderDirectUploadTests(FolderNode node) : DirectUploadTests(node), IClassFixture<FolderNode>
{
    [Fact]
    public async Task A_link_holds_for_its_part_only()
    {
        var id = (await CreateAsync(Bytes.Length)).Id();
        var link = await LinkAsync(id, 1);
        await RefusedAsync(await PutAsync(link.Replace($"{id}/1", $"{id}/2", StringComparison.Ordinal), Last), 404, "UPLOAD_NOT_FOUND");
        await RefusedAsync(await PutAsync(link.Split('?')[0], First), 404, "UPLOAD_NOT_FOUND");
        var other = (await CreateAsync(Bytes.Length)).Id();
        await RefusedAsync(await PutAsync(link.Replace($"{id}", $"{other}", StringComparison.Ordinal), First), 404, "UPLOAD_NOT_FOUND");
    }
}

/// <summary>Where it has: no byte of a part passes this server.</summary>
public sealed class S3DirectUploadTests(S3Node node) : DirectUploadTests(node), IClassFixture<S3Node>
{
    [Fact]
    public async Task A_link_takes_no_other_size()
    {
        var upload = await CreateAsync(Bytes.Length);
        using var short1 = await PutAsync(await LinkAsync(upload.Id(), 1), First[1..]);
        Assert.Equal(403, (int)short1.StatusCode);
        Assert.Empty(await PartsAsync(upload.Id()));
    }

    [Fact]
    public async Task A_file_that_the_bucket_loses_before_it_was_read_never_counts()
    {
        var upload = await SendAllAsync();
        await RefusedAsync(await Host.PostAsync($"/v1/uploads/{upload.Id()}/complete", new { parts = Array.Empty<object>() }), 409, "COMPLETE_IN_PROGRESS");
        await Storage.DeleteAsync(upload.Key(), Cancellation);
        await Host.VerifyAsync(upload.Id());
        Assert.Equal("lost", await StatusAsync(upload.Id()));
        await RefusedAsync(await CompleteAsync(upload.Id(), "e0", "e1"), 410, "UPLOAD_LOST");
    }

    [Fact]
    public async Task A_file_whose_job_gave_up_is_read_by_the_sweep()
    {
        var upload = await SendAllAsync();
        Clock.Shift = VerifyUploadHandler.Patience + TimeSpan.FromMinutes(1);
        await Eventually.HoldsAsync(async () =>
        {
            await Host.Sweep.SweepAsync(Cancellation);
            return await StatusAsync(upload.Id()) == "completed";
        });
    }

    [Fact]
    public async Task Chunks_and_parts_may_be_mixed_and_the_later_one_counts()
    {
        var upload = await CreateAsync(Bytes.Length);
        var id = upload.Id();
        await Host.SendAsync(id, 0, RandomNumberGenerator.GetBytes(PartSize));
        var last = await Host.SendAsync(id, 1, Last);
        var first = await SendAsync(id, 1, First);
        Assert.Equal("verifying", (await ReadAsync(await CompleteAsync(id, first, last), 200)).GetProperty("status").GetString());
        await Host.VerifyAsync(id);
        Assert.Equal(Bytes, await Node.StoredAsync(upload.Key()));
    }

    [Fact]
    public async Task A_part_that_changes_while_it_is_completed_is_asked_for_again()
    {
        var upload = await CreateAsync(Bytes.Length);
        var id = upload.Id();
        var etags = new[] { await SendAsync(id, 1, First), await SendAsync(id, 2, Last) };
        await RefusedAsync(await CompleteAsync(id, "00000000000000000000000000000000", etags[1]), 409, "ETAG_MISMATCH");
        await SendAsync(id, 1, RandomNumberGenerator.GetBytes(PartSize));
        await RefusedAsync(await CompleteAsync(id, etags), 409, "ETAG_MISMATCH");
        etags[0] = await SendAsync(id, 1, First);
        await ReadAsync(await CompleteAsync(id, etags), 200);
    }
}

public abstract class DirectUploadTests(UploadNode node) : IDisposable
{
    protected const int PartSize = 5 << 20;

    protected static readonly byte[] Bytes = RandomNumberGenerator.GetBytes(PartSize + 1_000);

    protected static byte[] First => Bytes[..PartSize];

    protected static byte[] Last => Bytes[PartSize..];

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected UploadNode Node => node;

    private protected UploadHost Host => node.Host;

    private protected ShiftedClock Clock => node.Clock;

    private protected IObjectStorage Storage => node.Storage;

    public void Dispose()
    {
        Clock.Shift = TimeSpan.Zero;
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_file_counts_once_its_bytes_were_seen()
    {
        var upload = await CreateAsync(Bytes.Length, "Zoe\u0308.txt", "text/plain", "w1");
        var id = upload.Id();
        Assert.Equal((PartSize, 2), (upload.GetProperty("chunkSizeBytes").GetInt32(), upload.GetProperty("totalChunks").GetInt32()));
        var links = (await GetAsync($"{id}/batch?key=x&partNumbers=2,1", 200)).GetProperty("presignedUrls");
        var (first, last) = (links.GetProperty("1").GetString()!, links.GetProperty("2").GetString()!);
        Assert.Equal(node.HasLinks, !first.StartsWith(Host.Client.BaseAddress!.ToString(), StringComparison.Ordinal));
        var etags = new[] { await EtagAsync(await PutAsync(first, First)), await EtagAsync(await PutAsync(last, Last)) };
        Assert.Equal([(1, etags[0], PartSize), (2, etags[1], 1_000)], await PartsAsync(id));

        var completed = await ReadAsync(await CompleteAsync(id, [.. etags.Select(etag => $"\"{etag}\"")]), 200);
        Assert.Equal(upload.Key(), completed.Key());
        Assert.Equal(node.HasLinks ? "verifying" : "completed", completed.GetProperty("status").GetString());
        Assert.Equal(node.HasLinks ? "verifying" : "completed", await StatusAsync(id));
        await Host.VerifyAsync(id);
        await Host.VerifyAsync(id);
        Assert.Equal("completed", await StatusAsync(id));
        Assert.Equal(
            node.HasLinks
                ? ["upload_initiated", "parts_found", "completion_started", "upload_stored", "upload_completed"]
                : ["upload_initiated", "chunk_stored", "chunk_stored", "completion_started", "upload_completed"],
            await Host.HistoryAsync(id));
        var file = (await Host.Events.FoldAsync<Upload, IUploadEvent>(id, Cancellation)).State.Result!;
        Assert.Equal(("w1", Crc32.Append(0, Bytes), (long)Bytes.Length), (file.WeddingId, file.Crc32, file.SizeBytes));
        Assert.Equal(Bytes, await node.StoredAsync(file.Key));
        Assert.Equal("completed", (await ReadAsync(await CompleteAsync(id, etags), 200)).GetProperty("status").GetString());
        Assert.Equal([(1, etags[0], PartSize), (2, etags[1], 1_000)], await PartsAsync(id));
    }

    [Fact]
    public async Task What_is_missing_is_named_and_sent_and_nothing_else()
    {
        var id = (await CreateAsync(Bytes.Length)).Id();
        var last = await SendAsync(id, 2, Last);
        var refused = await RefusedAsync(await CompleteAsync(id, (2, last)), 409, "MISSING_PARTS");
        Assert.Equal([0], refused.Ints("missingChunks"));
        Assert.Equal([(2, last, 1_000)], await PartsAsync(id));
        var first = await SendAsync(id, 1, First);
        await ReadAsync(await CompleteAsync(id, first, last), 200);
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{id}/1", Cancellation), 409, node.HasLinks ? "COMPLETE_IN_PROGRESS" : "UPLOAD_COMPLETED");
    }

    [Fact]
    public async Task A_file_that_is_not_what_it_says_is_refused_and_gone()
    {
        var html = "<html><script>alert(1)</script>"u8.ToArray();
        var upload = await CreateAsync(html.Length, "a.jpg", "image/jpeg");
        var put = await PutAsync(await LinkAsync(upload.Id(), 1), html);
        if (node.HasLinks)
        {
            await RefusedAsync(await CompleteAsync(upload.Id(), await EtagAsync(put)), 415, "CONTENT_TYPE_MISMATCH");
        }
        else
        {
            await RefusedAsync(put, 415, "CONTENT_TYPE_MISMATCH");
        }

        Assert.Null(await Storage.HeadAsync(upload.Key(), Cancellation));
        Assert.Equal("aborted", await StatusAsync(upload.Id()));
    }

    [Fact]
    public async Task An_upload_is_given_up()
    {
        var id = (await CreateAsync(Bytes.Length)).Id();
        await SendAsync(id, 1, First);
        using var aborted = await Host.Client.DeleteAsync($"/v1/s3/multipart/{id}?key=x", Cancellation);
        Assert.Equal(204, (int)aborted.StatusCode);
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{id}", Cancellation), 409, "UPLOAD_ABORTED");
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{id}/1", Cancellation), 409, "UPLOAD_ABORTED");
    }

    [Fact]
    public async Task An_upload_that_is_discarded_in_the_bucket_is_lost()
    {
        var id = (await CreateAsync(Bytes.Length)).Id();
        var upload = (await Host.Events.FoldAsync<Upload, IUploadEvent>(id, Cancellation)).State;
        await Storage.AbortMultipartAsync(upload.Multipart!, Cancellation);
        await RefusedAsync(await CompleteAsync(id, "e0", "e1"), 410, "UPLOAD_LOST");
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{id}", Cancellation), 410, "UPLOAD_LOST");
    }

    [Fact]
    public async Task An_upload_expires()
    {
        var id = (await CreateAsync(Bytes.Length)).Id();
        Clock.Shift = TimeSpan.FromDays(7);
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{id}/1", Cancellation), 410, "UPLOAD_EXPIRED");
        await RefusedAsync(await CompleteAsync(id, "e0", "e1"), 410, "UPLOAD_EXPIRED");
    }

    [Fact]
    public async Task An_empty_file_has_no_parts()
    {
        var upload = await CreateAsync(0);
        Assert.Empty(await PartsAsync(upload.Id()));
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{upload.Id()}/1", Cancellation), 400, "INVALID_CHUNK_INDEX");
        Assert.Equal("completed", (await ReadAsync(await CompleteAsync(upload.Id(), Array.Empty<string>()), 200)).GetProperty("status").GetString());
        Assert.Empty(await node.StoredAsync(upload.Key()));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("3")]
    public async Task There_are_links_to_parts_of_the_file_only(string number)
    {
        var id = (await CreateAsync(Bytes.Length)).Id();
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{id}/{number}", Cancellation), 400, "INVALID_CHUNK_INDEX");
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{id}/batch?partNumbers=1,{number}", Cancellation), 400, "INVALID_CHUNK_INDEX");
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{id}/batch?partNumbers=1,x", Cancellation), 400, "INVALID_CHUNK_INDEX");
    }

    [Fact]
    public async Task The_rules_of_other_uploads_hold()
    {
        await RefusedAsync(await Host.PostAsync("/v1/s3/multipart", new { filename = "a.txt", type = "text/plain", metadata = new { userRole = "member", userId = "u1" } }), 400, "INVALID_SIZE");
        await RefusedAsync(await Host.PostAsync("/v1/s3/multipart", new { filename = "a.txt", type = "text/plain" }), 400, "INVALID_SIZE");
        await RefusedAsync(await PostCreateAsync(1, "a/b.txt"), 400, "INVALID_FILE_NAME");
        await RefusedAsync(await PostCreateAsync(1, "a.html", "text/html"), 415, "UNSUPPORTED_CONTENT_TYPE");
        await RefusedAsync(await PostCreateAsync(11L << 30), 413, "FILE_TOO_LARGE");
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{Guid.NewGuid()}", Cancellation), 404, "UPLOAD_NOT_FOUND");
        var tus = await new AppendClient(Host).TusCreateAsync(10);
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{tus[(tus.LastIndexOf('/') + 1)..]}/1", Cancellation), 404, "UPLOAD_NOT_FOUND");
    }

    private protected async Task<JsonElement> CreateAsync(
        long sizeBytes, string filename = "a.txt", string type = "text/plain", string? weddingId = null) =>
        await ReadAsync(await PostCreateAsync(sizeBytes, filename, type, weddingId), 200);

    /// <summary>Sends a file of two parts and completes it, as far as that goes before its bytes are read.</summary>
    private protected async Task<JsonElement> SendAllAsync()
    {
        var upload = await CreateAsync(Bytes.Length);
        var etags = new[] { await SendAsync(upload.Id(), 1, First), await SendAsync(upload.Id(), 2, Last) };
        await ReadAsync(await CompleteAsync(upload.Id(), etags), 200);
        return upload;
    }

    private protected async Task<string> SendAsync(Guid id, int number, byte[] bytes) => await EtagAsync(await PutAsync(await LinkAsync(id, number), bytes));

    private protected async Task<string> LinkAsync(Guid id, int number) => (await GetAsync($"{id}/{number}?key=x", 200)).GetProperty("url").GetString()!;

    private protected async Task<HttpResponseMessage> PutAsync(string link, byte[] bytes)
    {
        using var http = await node.OpenHttpAsync();
        return await http.PutAsync(new Uri(link), new ByteArrayContent(bytes), Cancellation);
    }

    private protected async Task<(int Number, string ETag, int Size)[]> PartsAsync(Guid id) =>
    [
        .. (await GetAsync($"{id}?key=x", 200)).EnumerateArray().Select(part =>
            (part.GetProperty("PartNumber").GetInt32(), part.GetProperty("ETag").GetString()!, part.GetProperty("Size").GetInt32())),
    ];

    private protected Task<HttpResponseMessage> CompleteAsync(Guid id, params string[] etags) =>
        CompleteAsync(id, [.. etags.Select((etag, index) => (index + 1, etag))]);

    private protected Task<HttpResponseMessage> CompleteAsync(Guid id, params (int Number, string ETag)[] parts) =>
        Host.PostAsync($"/v1/s3/multipart/{id}/complete?key=x", new { parts = parts.Select(part => new { PartNumber = part.Number, part.ETag }) });

    private protected async Task<string?> StatusAsync(Guid id) => (await Host.StatusAsync(id)).GetProperty("status").GetString();

    private static async Task<string> EtagAsync(HttpResponseMessage answer)
    {
        using (answer)
        {
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
            return answer.Headers.ETag!.Tag.Trim('"');
        }
    }

    private Task<HttpResponseMessage> PostCreateAsync(
        long sizeBytes, string filename = "a.txt", string type = "text/plain", string? weddingId = null) => Host.PostAsync(
            "/v1/s3/multipart",
            new { filename, type, metadata = new { sizeBytes, userRole = "member", userId = "u1", weddingId, relativePath = (string?)null } });

    private async Task<JsonElement> GetAsync(string path, int status) =>
        await ReadAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{path}", Cancellation), status);
}
