using System.Text.Json;
using Platform.Storage;
using Testing;
using Xunit;
using static Uploads.Tests.UploadHost;

namespace Uploads.Tests;

/// <summary>Parts come to this server, which computes their CRC-32 in any case.</summary>
public sealed class FolderDirectChecksumTests(FolderNode node) : DirectChecksumTests(node), IClassFixture<FolderNode>
{
    protected override string StatusAtOnce => "completed";
}

/// <summary>A store that does not look at checksums: the file is read.</summary>
public sealed class S3DirectChecksumTests(S3Node node) : DirectChecksumTests(node), IClassFixture<S3Node>
{
    protected override string StatusAtOnce => "verifying";
}

/// <summary>A store that does, as AWS: nobody need read the file.</summary>
public sealed class StrictDirectChecksumTests(StrictDirectChecksumTests.Node node) : DirectChecksumTests(node), IClassFixture<StrictDirectChecksumTests.Node>
{
    protected override string StatusAtOnce => "completed";

    public sealed class Node : UploadNode
    {
        private R2StrictServer? server;

        public override bool HasLinks => true;

        public override Task<HttpClient> OpenHttpAsync() => Task.FromResult(CephServer.OpenHttp(server!.Options));

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            await server!.DisposeAsync();
        }

        protected override async Task<IObjectStorage> OpenStorageAsync()
        {
            server = await R2StrictServer.StartAsync();
            return new S3ObjectStorage(server.Options, TimeProvider.System);
        }
    }
}

/// <summary>Files straight to the bucket whose parts have checksums.</summary>
public abstract class DirectChecksumTests(UploadNode node)
{
    private const int PartSize = 5 << 20;

    private static readonly byte[] Bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(PartSize + 1_000);

    /// <summary>What a file is when it was completed and not read.</summary>
    protected abstract string StatusAtOnce { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private UploadHost Host => node.Host;

    [Fact]
    public async Task What_the_store_has_checked_need_not_be_read()
    {
        var upload = await CreateAsync(Bytes.Length);
        var etags = new[] { await SendAsync(upload.Id(), 1, Bytes[..PartSize]), await SendAsync(upload.Id(), 2, Bytes[PartSize..]) };
        var completed = await ReadAsync(await CompleteAsync(upload.Id(), etags), 200);
        Assert.Equal(StatusAtOnce, completed.GetProperty("status").GetString());
        await Host.VerifyAsync(upload.Id());
        var file = (await Host.Events.FoldAsync<Upload, IUploadEvent>(upload.Id(), Cancellation)).State.Result!;
        Assert.Equal(((long)Bytes.Length, Crc32.Append(0, Bytes)), (file.SizeBytes, file.Crc32));
        Assert.Equal(Bytes, await node.StoredAsync(file.Key));
        Assert.Equal(StatusAtOnce == "verifying", (await Host.HistoryAsync(upload.Id())).Contains("upload_stored"));
    }

    [Fact]
    public async Task Bytes_of_another_checksum_are_never_part_of_a_file()
    {
        var upload = await CreateAsync(1_000);
        using var damaged = await PutAsync(await LinkAsync(upload.Id(), 1, Crc32.Append(0, Bytes.AsSpan(1, 1_000))), Bytes[..1_000]);
        if (StatusAtOnce == "completed")
        {
            Assert.Equal(400, (int)damaged.StatusCode);
            await RefusedAsync(await CompleteAsync(upload.Id(), ["e0"]), 409, "MISSING_PARTS");
        }
        else
        {
            // Taken, but not for what was said of it.
            await ReadAsync(await CompleteAsync(upload.Id(), [damaged.Headers.ETag!.Tag]), 200);
            await Host.VerifyAsync(upload.Id());
            var file = (await Host.Events.FoldAsync<Upload, IUploadEvent>(upload.Id(), Cancellation)).State.Result!;
            Assert.Equal(Crc32.Append(0, Bytes.AsSpan(0, 1_000)), file.Crc32);
        }
    }

    [Fact]
    public async Task The_first_bytes_are_looked_at_all_the_same()
    {
        var html = "<html><script>alert(1)</script>"u8.ToArray();
        var upload = await CreateAsync(html.Length, "a.jpg", "image/jpeg");
        using var put = await PutAsync(await LinkAsync(upload.Id(), 1, Crc32.Append(0, html)), html);
        await RefusedAsync(node.HasLinks ? await CompleteAsync(upload.Id(), [put.Headers.ETag!.Tag]) : put, 415, "CONTENT_TYPE_MISMATCH");
        Assert.Null(await node.Storage.HeadAsync(upload.Key(), Cancellation));
    }

    [Fact]
    public async Task Links_have_checksums_where_that_was_said_and_nowhere_else()
    {
        var id = (await CreateAsync(1_000)).Id();
        foreach (var path in new[] { $"{id}/1", $"{id}/1?crc32=x", $"{id}/batch?partNumbers=1" })
        {
            await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{path}", Cancellation), 400, "INVALID_CHECKSUM");
        }

        var plain = (await CreateAsync(1_000, checksums: null)).Id();
        await RefusedAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{plain}/1?crc32=00000000", Cancellation), 400, "INVALID_CHECKSUM");
        await RefusedAsync(await PostCreateAsync(1_000, "a.txt", "text/plain", "md5"), 400, "INVALID_CHECKSUM");
    }

    private async Task<JsonElement> CreateAsync(long sizeBytes, string filename = "a.txt", string type = "text/plain", string? checksums = "crc32") =>
        await ReadAsync(await PostCreateAsync(sizeBytes, filename, type, checksums), 200);

    private Task<HttpResponseMessage> PostCreateAsync(long sizeBytes, string filename, string type, string? partChecksums) => Host.PostAsync(
        "/v1/s3/multipart", new { filename, type, metadata = new { sizeBytes, userRole = "member", userId = "u1", partChecksums } });

    private async Task<JsonElement> LinkAsync(Guid id, int number, uint crc32) =>
        await ReadAsync(await Host.Client.GetAsync($"/v1/s3/multipart/{id}/{number}?crc32={crc32:x8}", Cancellation), 200);

    private async Task<string> SendAsync(Guid id, int number, byte[] bytes)
    {
        using var answer = await PutAsync(await LinkAsync(id, number, Crc32.Append(0, bytes)), bytes);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        return answer.Headers.ETag!.Tag;
    }

    private async Task<HttpResponseMessage> PutAsync(JsonElement link, byte[] bytes)
    {
        using var http = await node.OpenHttpAsync();
        using var request = new HttpRequestMessage(HttpMethod.Put, link.GetProperty("url").GetString()) { Content = new ByteArrayContent(bytes) };
        foreach (var header in link.GetProperty("headers").EnumerateObject())
        {
            request.Headers.Add(header.Name, header.Value.GetString());
        }

        return await http.SendAsync(request, Cancellation);
    }

    private Task<HttpResponseMessage> CompleteAsync(Guid id, string[] etags) => Host.PostAsync(
        $"/v1/s3/multipart/{id}/complete", new { parts = etags.Select((etag, index) => new { PartNumber = index + 1, ETag = etag }) });
}
