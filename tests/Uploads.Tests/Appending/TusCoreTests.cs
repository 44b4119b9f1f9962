using System.Security.Cryptography;
using Platform.Storage;
using Xunit;

namespace Uploads.Tests;

public sealed class FolderTusCoreTests(FolderNode node) : TusCoreTests(node), IClassFixture<FolderNode>;

public sealed class S3TusCoreTests(S3Node node) : TusCoreTests(node), IClassFixture<S3Node>;

/// <summary>The core protocol of tus 1.0.0, clause by clause (https://tus.io/protocols/resumable-upload).</summary>
public abstract class TusCoreTests(UploadNode node)
{
    private static readonly byte[] Hello = "Hello, tus!"u8.ToArray();
    private static readonly byte[] Large = RandomNumberGenerator.GetBytes((20 << 20) + 12_345);

    private readonly AppendClient tus = new(node.Host);
    private readonly IObjectStorage storage = node.Storage;

    // Tus-Resumable, Tus-Version

    /// <summary>"The Tus-Resumable header MUST be included in every request and response except for OPTIONS requests."</summary>
    [Fact]
    public async Task Every_answer_has_the_version()
    {
        var url = await tus.TusCreateAsync(Hello.Length);
        Answer[] answers =
        [
            await tus.TusPostAsync("Upload-Length: 5"),
            await tus.TusPostAsync(),
            await tus.TusHeadAsync(url),
            await tus.TusPatchAsync(url, 3, Hello),
            await tus.TusPatchAsync(url, 0, Hello),
            await tus.TusAsync("GET", url, null),
            await tus.TusAsync("DELETE", url, null),
            await tus.TusHeadAsync(url),
            await tus.TusHeadAsync($"/v1/tus/{Guid.NewGuid()}"),
            await tus.SendAsync("HEAD", url, null),
        ];
        Assert.Equal([201, 400, 200, 409, 204, 405, 204, 410, 404, 412], answers.Select(answer => answer.Status));
        Assert.All(answers, answer => Assert.Equal("1.0.0", answer["Tus-Resumable"]));
    }

    /// <summary>
    /// "If the version specified by the Client is not supported by the Server, it MUST respond with the 412 Precondition Failed status and
    /// MUST include the Tus-Version header into the response. In addition, the Server MUST NOT process the request."
    /// </summary>
    [Theory]
    [InlineData("")]
    [InlineData("Tus-Resumable: 0.2.2")]
    [InlineData("Tus-Resumable: 2.0.0")]
    [InlineData("Tus-Resumable: 1.0.0, 2.0.0")]
    public async Task Another_version_is_refused_and_nothing_done(string version)
    {
        var url = await tus.TusCreateAsync(Hello.Length);
        var answer = await tus.SendAsync(
            "PATCH", url, Hello, version, "Upload-Offset: 0", "Content-Type: application/offset+octet-stream");
        Assert.Equal("1.0.0", answer.Refuses(412, "TUS_VERSION_UNSUPPORTED")["Tus-Version"]);
        Assert.Equal(0, await tus.TusOffsetAsync(url));
        Assert.Equal("1.0.0", (await tus.SendAsync("POST", AppendClient.Tus + AppendClient.Terms, null, version, "Upload-Length: 5")).Is(412)["Tus-Version"]);
        Assert.Equal("1.0.0", (await tus.SendAsync("DELETE", url, null, version)).Is(412)["Tus-Version"]);
        Assert.Equal(0, await tus.TusOffsetAsync(url));
    }

    // OPTIONS

    /// <summary>
    /// "A successful response indicated by the 204 No Content or 200 OK status MUST contain the Tus-Version header. It MAY include the
    /// Tus-Extension and Tus-Max-Size headers. The Client SHOULD NOT include the Tus-Resumable header in the request and the Server MUST
    /// ignore the header." "The Tus-Version response header MUST be a comma-separated list". "The Tus-Extension response header MUST be a
    /// comma-separated list of the extensions supported by the Server." "The Tus-Max-Size response header MUST be a non-negative integer".
    /// </summary>
    [Theory]
    [InlineData("")]
    [InlineData("Tus-Resumable: 0.0.1")]
    public async Task OPTIONS_tells_what_the_server_can(string version)
    {
        foreach (var path in new[] { AppendClient.Tus, await tus.TusCreateAsync(5) })
        {
            var answer = (await tus.SendAsync("OPTIONS", path, null, version)).Is(200);
            Assert.Equal("1.0.0", answer["Tus-Version"]);
            Assert.Equal(
                ["creation", "creation-with-upload", "creation-defer-length", "termination", "concatenation", "expiration", "checksum", "checksum-trailer"],
                answer["Tus-Extension"].Split(','));
            Assert.Equal((10L << 30).ToString(), answer["Tus-Max-Size"]);
        }
    }

    // HEAD

    /// <summary>
    /// "The Server MUST always include the Upload-Offset header in the response for a HEAD request, even if the offset is 0, or the upload
    /// is already considered completed. If the size of the upload is known, the Server MUST include the Upload-Length header in the
    /// response." "The Server SHOULD acknowledge successful HEAD requests with a 200 OK or 204 No Content status." "The Server MUST prevent
    /// the client and/or proxies from caching the response by adding the Cache-Control: no-store header to the response."
    /// </summary>
    [Fact]
    public async Task HEAD_tells_the_offset_of_a_new_a_begun_and_a_complete_upload()
    {
        var url = await tus.TusCreateAsync(Hello.Length);
        await AssertOffsetAsync(0);
        (await tus.TusPatchAsync(url, 0, Hello[..5])).Is(204);
        await AssertOffsetAsync(5);
        (await tus.TusPatchAsync(url, 5, Hello[5..])).Is(204);
        await AssertOffsetAsync(Hello.Length);
        await tus.HoldsAsync(url, storage, Hello);

        async Task AssertOffsetAsync(long offset)
        {
            var answer = (await tus.TusHeadAsync(url)).Is(200);
            Assert.Equal($"{offset}", answer["Upload-Offset"]);
            Assert.Equal($"{Hello.Length}", answer["Upload-Length"]);
            Assert.Equal("no-store", answer["Cache-Control"]);
        }
    }

    /// <summary>
    /// "If the resource is not found, the Server SHOULD return either the 404 Not Found, 410 Gone or 403 Forbidden status without the
    /// Upload-Offset header."
    /// </summary>
    [Theory]
    [InlineData("0198a2b4-1111-7111-8111-111111111111")]
    [InlineData("not-an-id")]
    public async Task HEAD_of_what_is_not_there_is_404_without_offset(string id) =>
        Assert.DoesNotContain("Upload-Offset", (await tus.TusHeadAsync($"{AppendClient.Tus}/{id}")).Is(404).Headers.Keys);

    /// <summary>An upload of another protocol, or in chunks, is not there for tus, nor the other way round.</summary>
    [Fact]
    public async Task Uploads_of_other_protocols_are_not_there()
    {
        var chunked = (await node.Host.InitAsync(10)).Id();
        var resumable = AppendClient.IdOf(await tus.CreateEmptyAsync("Upload-Length: 10"));
        var tused = AppendClient.IdOf(await tus.TusCreateAsync(10));
        foreach (var id in new[] { chunked, resumable })
        {
            (await tus.TusHeadAsync($"{AppendClient.Tus}/{id}")).Is(404);
            (await tus.TusPatchAsync($"{AppendClient.Tus}/{id}", 0, Hello)).Refuses(404, "UPLOAD_NOT_FOUND");
            (await tus.TusAsync("DELETE", $"{AppendClient.Tus}/{id}", null)).Refuses(404, "UPLOAD_NOT_FOUND");
        }

        foreach (var id in new[] { tused, resumable })
        {
            await UploadHost.RefusedAsync(await node.Host.PutChunkAsync(id, 0, new ByteArrayContent(Hello[..10])), 404, "UPLOAD_NOT_FOUND");
        }

        (await tus.OffsetAsync($"{AppendClient.Resumable}/{tused}")).Is(404);
    }

    // PATCH

    /// <summary>
    /// "The Server SHOULD accept PATCH requests against any upload URL and apply the bytes contained in the message at the given offset
    /// specified by the Upload-Offset header." "The Server MUST acknowledge successful PATCH requests with the 204 No Content status. It MUST
    /// include the Upload-Offset header containing the new offset. The new offset MUST be the sum of the offset before the PATCH request and
    /// the number of bytes received and processed or stored during the current PATCH request."
    /// </summary>
    [Fact]
    public async Task PATCH_appends_and_tells_the_new_offset()
    {
        var url = await tus.TusCreateAsync(Hello.Length);
        for (var offset = 0; offset < Hello.Length; offset++)
        {
            Assert.Equal($"{offset + 1}", (await tus.TusPatchAsync(url, offset, Hello[offset..(offset + 1)])).Is(204)["Upload-Offset"]);
        }

        await tus.HoldsAsync(url, storage, Hello);
    }

    /// <summary>PATCHes of any size come onto the store's equal parts, and what is between them is nowhere but in the tail.</summary>
    [Theory]
    [InlineData(21 << 20)]
    [InlineData(8 << 20)]
    [InlineData((8 << 20) + 1)]
    [InlineData((8 << 20) - 1)]
    [InlineData(5_000_000)]
    [InlineData(1_234_567)]
    public async Task A_large_file_arrives_whole_in_appends_of_any_size(int size)
    {
        var url = await tus.TusCreateAsync(Large.Length);
        var offset = 0;
        foreach (var bytes in Large.Chunk(size))
        {
            (await tus.TusPatchAsync(url, offset, bytes)).Is(204);
            offset += bytes.Length;
        }

        await tus.HoldsAsync(url, storage, Large);
    }

    /// <summary>"All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the server SHOULD return a 415 Unsupported Media Type status."</summary>
    [Theory]
    [InlineData("")]
    [InlineData("Content-Type: application/octet-stream")]
    [InlineData("Content-Type: application/partial-upload")]
    public async Task PATCH_of_another_type_is_415(string type)
    {
        var url = await tus.TusCreateAsync(Hello.Length);
        (await tus.TusAsync("PATCH", url, Hello, "Upload-Offset: 0", type)).Refuses(415, "UNSUPPORTED_MEDIA_TYPE");
        Assert.Equal(0, await tus.TusOffsetAsync(url));
    }

    /// <summary>
    /// "The Upload-Offset header's value MUST be equal to the current offset of the resource. … If the offsets do not match, the Server MUST
    /// respond with the 409 Conflict status without modifying the upload resource."
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(1_000)]
    public async Task PATCH_at_another_offset_is_409_and_changes_nothing(long offset)
    {
        var url = await tus.TusCreateAsync(Hello.Length);
        (await tus.TusPatchAsync(url, 0, Hello[..5])).Is(204);
        var answer = (await tus.TusPatchAsync(url, offset, [1])).Refuses(409, "UPLOAD_OFFSET_MISMATCH");
        Assert.Equal("5", answer["Upload-Offset"]);
        (await tus.TusPatchAsync(url, 5, Hello[5..])).Is(204);
        await tus.HoldsAsync(url, storage, Hello);
    }

    /// <summary>"The value MUST be a non-negative integer." (Upload-Offset, Upload-Length)</summary>
    [Theory]
    [InlineData("")]
    [InlineData("Upload-Offset: -1")]
    [InlineData("Upload-Offset: x")]
    [InlineData("Upload-Offset: 0x5")]
    [InlineData("Upload-Offset: 1.0")]
    [InlineData("Upload-Offset: 99999999999999999999")]
    public async Task PATCH_without_a_proper_offset_is_400(string offset)
    {
        var url = await tus.TusCreateAsync(Hello.Length);
        (await tus.TusAsync("PATCH", url, Hello, offset, "Content-Type: application/offset+octet-stream")).Refuses(400, "INVALID_UPLOAD_HEADER");
        Assert.Equal(0, await tus.TusOffsetAsync(url));
    }

    /// <summary>"If the server receives a PATCH request against a non-existent resource it SHOULD return a 404 Not Found status."</summary>
    [Fact]
    public async Task PATCH_of_what_is_not_there_is_404() =>
        (await tus.TusPatchAsync($"{AppendClient.Tus}/{Guid.NewGuid()}", 0, Hello)).Refuses(404, "UPLOAD_NOT_FOUND");

    /// <summary>"The Server SHOULD always attempt to store as much of the received data as possible."</summary>
    [Theory]
    [InlineData(700)]
    [InlineData((8 << 20) + 700)]
    public async Task What_a_broken_PATCH_brought_is_kept(int received)
    {
        var url = await tus.TusCreateAsync(Large.Length);
        using (var wire = await tus.TusBeginPatchAsync(url, 0, Large.Length, Large[..received]))
        {
            await wire.CutAsync();
        }

        await Eventually.HoldsAsync(async () => (await tus.HistoryAsync(url)).Contains("tail_kept"));
        Assert.Equal(received, await tus.TusOffsetAsync(url));
        (await tus.TusPatchAsync(url, received, Large[received..])).Is(204);
        await tus.HoldsAsync(url, storage, Large);
    }

    /// <summary>"Both Client and Server, SHOULD attempt to detect and handle network errors predictably." A client that comes again need not wait until the server has.</summary>
    [Fact]
    public async Task A_client_that_comes_again_ends_its_hanging_request_and_loses_nothing()
    {
        var url = await tus.TusCreateAsync(Large.Length);
        using var hanging = await tus.TusBeginPatchAsync(url, 0, Large.Length, Large[..9_000_000]);
        await hanging.TakenAsync();

        // An interrupted request waits for the store for some seconds only. What is there by now is not lost to a slow one.
        await Eventually.HoldsAsync(async () => (await tus.HistoryAsync(url)).Contains("chunk_stored"));
        var offset = (int)await tus.TusOffsetAsync(url);
        Assert.InRange(offset, 8 << 20, 9_000_000);
        Assert.True(await hanging.IsCutOffAsync());
        (await tus.TusPatchAsync(url, offset, Large[offset..])).Is(204);
        await tus.HoldsAsync(url, storage, Large);
    }

    /// <summary>More bytes than the upload has are refused, and none of them counts for its end.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task More_bytes_than_the_upload_has_are_refused(bool isChunked)
    {
        var url = await tus.TusCreateAsync(Hello.Length);
        if (isChunked)
        {
            using var wire = await AppendWire.SendHeadAsync(
                node.Host, "PATCH", url, "Tus-Resumable: 1.0.0", "Upload-Offset: 0", "Content-Type: application/offset+octet-stream", "Transfer-Encoding: chunked");
            await wire.SendChunkAsync(Hello);
            await wire.SendChunkAsync(new byte[] { 1 });
            await wire.SendEndAsync();
            (await wire.ReadAsync()).Refuses(413, "UPLOAD_TOO_LONG");
        }
        else
        {
            (await tus.TusPatchAsync(url, 0, [.. Hello, 1])).Refuses(413, "UPLOAD_TOO_LONG");
        }

        Assert.Equal(0, await tus.TusOffsetAsync(url));
        (await tus.TusPatchAsync(url, 0, Hello)).Is(204);
        await tus.HoldsAsync(url, storage, Hello);
    }

    /// <summary>A complete upload takes no more; the answer tells that it has all.</summary>
    [Fact]
    public async Task PATCH_of_a_complete_upload_is_409()
    {
        var url = await tus.TusCreateAsync(Hello.Length);
        (await tus.TusPatchAsync(url, 0, Hello)).Is(204);
        (await tus.TusPatchAsync(url, Hello.Length, [1])).Refuses(409, "UPLOAD_COMPLETED");
        Assert.Equal($"{Hello.Length}", (await tus.TusPatchAsync(url, 0, Hello)).Refuses(409, "UPLOAD_OFFSET_MISMATCH")["Upload-Offset"]);
        await tus.HoldsAsync(url, storage, Hello);
    }

    /// <summary>
    /// "The X-HTTP-Method-Override request header MUST be a string which MUST be interpreted as the request's method by the Server, if the
    /// header is presented. The actual method of the request MUST be ignored."
    /// </summary>
    [Fact]
    public async Task The_method_can_stand_in_a_header()
    {
        var url = await tus.TusCreateAsync(Hello.Length);
        (await tus.TusAsync(
            "POST", url, Hello, "X-HTTP-Method-Override: PATCH", "Upload-Offset: 0", "Content-Type: application/offset+octet-stream")).Is(204);
        await tus.HoldsAsync(url, storage, Hello);
        Assert.Equal($"{Hello.Length}", (await tus.TusAsync("GET", url, null, "X-HTTP-Method-Override: HEAD")).Is(200)["Upload-Offset"]);
        (await tus.TusAsync("POST", url, null, "X-HTTP-Method-Override: delete")).Is(204);
        (await tus.TusHeadAsync(url)).Is(410);
    }

    /// <summary>Methods that tus does not have are named in the answer.</summary>
    [Fact]
    public async Task Other_methods_are_405()
    {
        Assert.Equal("OPTIONS, POST", (await tus.TusAsync("GET", AppendClient.Tus, null)).Is(405)["Allow"]);
        Assert.Equal("OPTIONS, HEAD, PATCH, DELETE", (await tus.TusAsync("PUT", await tus.TusCreateAsync(5), Hello)).Is(405)["Allow"]);
    }

    /// <summary>Scripts of allowed origins may send what tus needs and read what it answers, refusals too.</summary>
    [Fact]
    public async Task Browsers_may_read_the_headers()
    {
        var preflight = (await tus.SendAsync(
            "OPTIONS", AppendClient.Tus, null, $"Origin: {UploadHost.Origin}", "Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: tus-resumable,upload-offset")).Is(204);
        Assert.Equal(UploadHost.Origin, preflight["Access-Control-Allow-Origin"]);
        Assert.Contains("PATCH", preflight["Access-Control-Allow-Methods"], StringComparison.Ordinal);
        Assert.Contains("upload-offset", preflight["Access-Control-Allow-Headers"], StringComparison.Ordinal);
        foreach (var answer in new[] { await tus.TusPostAsync("Upload-Length: 5", $"Origin: {UploadHost.Origin}"), await tus.TusPostAsync($"Origin: {UploadHost.Origin}") })
        {
            Assert.Equal(UploadHost.Origin, answer["Access-Control-Allow-Origin"]);
            Assert.Empty(new[] { "Location", "Upload-Offset", "Upload-Length", "Tus-Resumable", "Tus-Extension", "Tus-Max-Size", "Upload-Metadata", "Upload-Expires", "Upload-Concat", "Upload-Defer-Length" }
                .Except(answer["Access-Control-Expose-Headers"].Split(',', StringSplitOptions.TrimEntries)));
        }
    }
}
