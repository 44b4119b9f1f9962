using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Platform.Storage;
using Xunit;

namespace Uploads.Tests;

public sealed class FolderResumableTests(FolderNode node) : ResumableTests(node), IClassFixture<FolderNode>;

public sealed class S3ResumableTests(S3Node node) : ResumableTests(node), IClassFixture<S3Node>;

/// <summary>Resumable Uploads for HTTP, clause by clause (draft-ietf-httpbis-resumable-upload-12; RFC 9530 for digests).</summary>
public abstract class ResumableTests(UploadNode node) : IDisposable
{
    private const string Type = "Content-Type: text/plain";

    private static readonly byte[] Hello = "Hello, resumable world!"u8.ToArray();
    private static readonly byte[] Large = RandomNumberGenerator.GetBytes((17 << 20) + 321);

    private readonly AppendClient http = new(node.Host);
    private readonly IObjectStorage storage = node.Storage;

    public void Dispose()
    {
        node.Clock.Shift = TimeSpan.Zero;
        GC.SuppressFinalize(this);
    }

    // 4.1 State

    /// <summary>"Its value is a non-negative Integer … Other values MUST cause the entire header field to be ignored." An append without offset is none.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("Upload-Offset: -1")]
    [InlineData("Upload-Offset: 0.0")]
    [InlineData("Upload-Offset: \"0\"")]
    [InlineData("Upload-Offset: 0, 0")]
    [InlineData("Upload-Offset: 1000000000000000")]
    public async Task Other_offsets_are_no_offsets(string offset)
    {
        var url = await http.CreateEmptyAsync();
        (await http.SendAsync("PATCH", url, Hello, offset, "Upload-Complete: ?0", "Content-Type: application/partial-upload")).Refuses(400, "INVALID_UPLOAD_HEADER");
        Assert.Equal("0", (await http.OffsetAsync(url)).Is(204)["Upload-Offset"]);
    }

    /// <summary>"Its value is a Boolean … Other values MUST cause the entire header field to be ignored." "The request MUST include the Upload-Complete header field." (appends)</summary>
    [Theory]
    [InlineData("")]
    [InlineData("Upload-Complete: true")]
    [InlineData("Upload-Complete: 1")]
    [InlineData("Upload-Complete: ?2")]
    [InlineData("Upload-Complete: ?1, ?1")]
    public async Task Other_completeness_is_none(string complete)
    {
        var url = await http.CreateEmptyAsync();
        (await http.SendAsync("PATCH", url, Hello, complete, "Upload-Offset: 0", "Content-Type: application/partial-upload")).Refuses(400, "INVALID_UPLOAD_HEADER");
        Assert.Equal("?0", (await http.OffsetAsync(url)).Is(204)["Upload-Complete"]);
    }

    /// <summary>"Upload-Offset is an Item Structured Header Field": items have parameters, which nobody asked for (RFC 9651 §3.3).</summary>
    [Fact]
    public async Task Parameters_of_items_are_ignored()
    {
        var url = await http.CreateEmptyAsync();
        (await http.SendAsync(
            "PATCH", url, Hello, "Upload-Offset: 0;a;b=1", "Upload-Complete: ?1; x=\"y\"", "Content-Type: application/partial-upload")).Is(200);
        await http.HoldsAsync(url, storage, Hello);
    }

    /// <summary>"Representation data processed by the upload resource cannot be removed again and, therefore, the offset MUST NOT decrease."</summary>
    [Fact]
    public async Task The_offset_never_decreases()
    {
        var url = await http.CreateEmptyAsync();
        (await http.AppendAsync(url, 0, false, Hello)).Is(204);
        (await http.AppendAsync(url, 5, false, Hello)).Refuses(409, "UPLOAD_OFFSET_MISMATCH");
        Assert.Equal($"{Hello.Length}", (await http.OffsetAsync(url)).Is(204)["Upload-Offset"]);
    }

    /// <summary>"If the server loses any part of the state, it MUST deactivate the upload resource and reject further interaction with it."</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_the_store_has_lost_ends_the_upload(bool isTail)
    {
        var url = await http.CreateEmptyAsync();
        (await http.AppendAsync(url, 0, false, Large[..9_000_000])).Is(204);
        var id = AppendClient.IdOf(url);
        if (isTail)
        {
            foreach (var piece in (await storage.ListAsync($"tail/{id:N}/", null, TestContext.Current.CancellationToken)).Objects)
            {
                await storage.DeleteAsync(piece.Key, TestContext.Current.CancellationToken);
            }
        }
        else
        {
            var upload = (await node.Host.Events.FoldAsync<Upload, IUploadEvent>(id, TestContext.Current.CancellationToken)).State;
            await storage.AbortMultipartAsync(upload.Multipart!, TestContext.Current.CancellationToken);
        }

        (await http.AppendAsync(url, 9_000_000, true, Large[9_000_000..])).Refuses(410, "UPLOAD_LOST");
        (await http.OffsetAsync(url)).Is(410);
        (await http.AppendAsync(url, 9_000_000, true, Large[9_000_000..])).Is(410);
        Assert.DoesNotContain("upload_completed", await http.HistoryAsync(url));
    }

    /// <summary>
    /// "An upload is marked as completed either when a request … includes the Upload-Complete header field with a true value and the request
    /// content was fully processed". "Note that the length and offset values do not determine whether an upload is complete."
    /// </summary>
    [Fact]
    public async Task Only_the_client_says_that_it_is_complete()
    {
        var url = await http.CreateEmptyAsync($"Upload-Length: {Hello.Length}");
        (await http.AppendAsync(url, 0, false, Hello)).Is(204);
        var answer = (await http.OffsetAsync(url)).Is(204);
        Assert.Equal(($"{Hello.Length}", "?0"), (answer["Upload-Offset"], answer["Upload-Complete"]));
        Assert.Equal("?1", (await http.AppendAsync(url, Hello.Length, true, [])).Is(200)["Upload-Complete"]);
        await http.HoldsAsync(url, storage, Hello);
    }

    /// <summary>
    /// "If indicators (1) and (2) are both present in the same request, their indicated lengths MUST match. If multiple requests include
    /// indicators, their indicated values MUST match." with the problem type "inconsistent-upload-length", by 400 and Upload-Complete: ?0.
    /// </summary>
    [Fact]
    public async Task Lengths_that_differ_are_refused()
    {
        AssertProblem(await http.CreateAsync(true, Hello, Type, "Upload-Length: 5"));
        AssertProblem(await http.CreateAsync(false, Hello, Type, "Upload-Length: 5"));
        var url = await http.CreateEmptyAsync("Upload-Length: 23");
        AssertProblem(await http.AppendAsync(url, 0, false, Hello, "Upload-Length: 24"));
        AssertProblem(await http.AppendAsync(url, 0, true, Hello[..5]));
        Assert.Equal("0", (await http.OffsetAsync(url)).Is(204)["Upload-Offset"]);
        (await http.AppendAsync(url, 0, true, Hello, "Upload-Length: 23")).Is(200);

        static void AssertProblem(Answer answer)
        {
            answer.Refuses(400, "INCONSISTENT_UPLOAD_LENGTH");
            Assert.Equal("?0", answer["Upload-Complete"]);
            Assert.Contains("https://iana.org/assignments/http-problem-types#inconsistent-upload-length", answer.Body, StringComparison.Ordinal);
        }
    }

    // 4.1.4 Limits

    /// <summary>
    /// "When responding to an OPTIONS request without the Upload-Complete header field, if the resource that is the target of the request
    /// supports the creation of a resumable upload resource, the server MUST include the Upload-Limit header field with the corresponding limits".
    /// </summary>
    [Fact]
    public async Task OPTIONS_tells_the_limits() =>
        Assert.Equal($"max-size={10L << 30}, max-age=518400", (await http.SendAsync("OPTIONS", AppendClient.Resumable, null)).Is(204)["Upload-Limit"]);

    /// <summary>"A server responding with a 413 (Content Too Large) status code as a result of its upload limits SHOULD include the Upload-Limit header field".</summary>
    [Fact]
    public async Task A_file_over_the_limit_is_413_with_the_limit() => Assert.Contains(
        $"max-size={10L << 30}", (await http.CreateAsync(false, [], Type, $"Upload-Length: {(10L << 30) + 1}")).Refuses(413, "FILE_TOO_LARGE")["Upload-Limit"], StringComparison.Ordinal);

    // 4.2 Creation

    /// <summary>
    /// "If the Upload-Complete request header field is set to true, the client intends to transfer the entire representation data in one
    /// request. If the request content was fully processed, … the server proceeds to process the request and generate a response." "The server
    /// SHOULD include the Upload-Complete header field in the response to indicate whether it is the result of processing".
    /// </summary>
    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    public async Task A_whole_file_in_one_request(string method)
    {
        var answer = (await http.SendAsync(
            method, AppendClient.Resumable + AppendClient.Terms, Large, Type, "Upload-Complete: ?1", "Content-Disposition: inline; filename=\"photo.txt\"")).Is(200);
        Assert.Equal("?1", answer["Upload-Complete"]);
        var file = JsonDocument.Parse(answer.Body).RootElement;
        Assert.Equal(Large.Length, file.GetProperty("sizeBytes").GetInt64());
        Assert.Matches("/documents/photo-[0-9a-f]{12}[.]txt$", file.Key());
        await http.HoldsAsync(answer["Location"], storage, Large);
    }

    /// <summary>"…fall back to conventional uploads": without the header, or with one that is ignored, it is a request like any other.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("Upload-Complete: yes")]
    public async Task A_conventional_upload(string complete)
    {
        var answer = (await http.SendAsync("POST", AppendClient.Resumable + AppendClient.Terms, Hello, Type, complete)).Is(200);
        await http.HoldsAsync(answer["Location"], storage, Hello);
    }

    /// <summary>
    /// "If the Upload-Complete request header field is set to false … If the request content was fully processed, the server MUST include the
    /// Location response header field pointing to the upload resource and MUST include the Upload-Limit header field with the corresponding
    /// limits if existing. Servers are RECOMMENDED to use the 201 (Created) status code."
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8 << 20)]
    [InlineData(9_000_001)]
    public async Task A_creation_with_the_first_bytes(int size)
    {
        var answer = (await http.CreateAsync(false, Large[..size], Type, $"Upload-Length: {Large.Length}")).Is(201);
        Assert.StartsWith("/v1/resumable/", answer["Location"], StringComparison.Ordinal);
        Assert.Contains("max-size=", answer["Upload-Limit"], StringComparison.Ordinal);
        Assert.Equal("?0", answer["Upload-Complete"]);
        Assert.Equal($"{size}", answer["Upload-Offset"]);
        (await http.AppendAsync(answer["Location"], size, true, Large[size..])).Is(200);
        await http.HoldsAsync(answer["Location"], storage, Large);
    }

    /// <summary>"The request content can be empty. If the Upload-Complete header field is then set to true, the client intends to upload an empty representation."</summary>
    [Fact]
    public async Task An_empty_file()
    {
        var answer = (await http.CreateAsync(true, [], Type)).Is(200);
        Assert.Equal("?1", answer["Upload-Complete"]);
        await http.HoldsAsync(answer["Location"], storage);
    }

    /// <summary>"The server MUST record the length … if the Upload-Length or Upload-Complete: ?1 header fields are included in the request."</summary>
    [Fact]
    public async Task The_length_is_recorded_whichever_way_it_comes()
    {
        Assert.Equal("100", (await http.OffsetAsync(await http.CreateEmptyAsync("Upload-Length: 100"))).Is(204)["Upload-Length"]);
        var url = await http.CreateEmptyAsync();
        Assert.Equal("", (await http.OffsetAsync(url)).Is(204)["Upload-Length"]);
        (await http.AppendAsync(url, 0, false, Hello[..5], "Upload-Length: 23")).Is(204);
        Assert.Equal("23", (await http.OffsetAsync(url)).Is(204)["Upload-Length"]);
        var other = await http.CreateEmptyAsync();
        using (var wire = await http.BeginAppendAsync(other, 0, true, Hello.Length, Hello[..5]))
        {
            await wire.CutAsync();
        }

        Assert.Equal(("5", "23"), (await http.OffsetAsync(other)) is var answer ? (answer["Upload-Offset"], answer["Upload-Length"]) : default);
    }

    /// <summary>
    /// "The server might not process the entire request content when the upload is interrupted … In this case, the server SHOULD append as much
    /// of the request content as possible to the upload resource". "In addition, the upload resource MUST NOT be considered complete then."
    /// </summary>
    [Fact]
    public async Task What_a_broken_append_brought_is_kept_and_completes_nothing()
    {
        var url = await http.CreateEmptyAsync();
        using (var wire = await http.BeginAppendAsync(url, 0, true, Large.Length, Large[..9_000_000]))
        {
            await wire.CutAsync();
        }

        await Eventually.HoldsAsync(async () => (await http.HistoryAsync(url)).Contains("tail_kept"));
        var answer = (await http.OffsetAsync(url)).Is(204);
        Assert.Equal(("9000000", "?0"), (answer["Upload-Offset"], answer["Upload-Complete"]));
        (await http.AppendAsync(url, 9_000_000, true, Large[9_000_000..])).Is(200);
        await http.HoldsAsync(url, storage, Large);
    }

    /// <summary>§10: transfer codings are the message's; the offset counts what they carry.</summary>
    [Fact]
    public async Task A_chunked_body_of_unknown_length()
    {
        using var wire = await AppendWire.SendHeadAsync(
            node.Host, "POST", AppendClient.Resumable + AppendClient.Terms, Type, "Upload-Complete: ?1", "Transfer-Encoding: chunked");
        foreach (var piece in Large.Chunk(3_000_000))
        {
            await wire.SendChunkAsync(piece);
        }

        await wire.SendEndAsync();
        await http.HoldsAsync((await wire.ReadAsync()).Is(200)["Location"], storage, Large);
    }

    /// <summary>§9: codings would be the representation's, and are kept. This resource has files as they are: no coding.</summary>
    [Fact]
    public async Task Content_codings_are_refused() =>
        (await http.CreateAsync(true, Hello, Type, "Content-Encoding: gzip")).Refuses(415, "UNSUPPORTED_MEDIA_TYPE");

    /// <summary>Example D: what the targeted resource does not take is complete in its perspective, with Upload-Complete: ?1 and an error.</summary>
    [Fact]
    public async Task A_file_of_the_wrong_kind_ends_the_upload()
    {
        var url = (await http.CreateAsync(false, [], "Content-Type: image/png")).Is(201)["Location"];
        Assert.Equal("?1", (await http.AppendAsync(url, 0, false, Large[..5_000])).Refuses(415, "CONTENT_TYPE_MISMATCH")["Upload-Complete"]);
        (await http.OffsetAsync(url)).Is(410);
    }

    // 4.3 Offset retrieval

    /// <summary>
    /// "A successful response to a HEAD or GET request against an upload resource MUST include the offset in the Upload-Offset header field, MUST
    /// include the Upload-Complete header field indicating whether a final response was produced, MUST include the length in the Upload-Length
    /// header field, unless the client has not supplied one, MUST indicate the limits in the Upload-Limit header field, and SHOULD include the
    /// Cache-Control header field with the value no-store". "serving response content for a GET request is unexpected"
    /// </summary>
    [Theory]
    [InlineData("HEAD")]
    [InlineData("GET")]
    public async Task The_state_is_told(string method)
    {
        var url = await http.CreateEmptyAsync("Upload-Length: 23");
        (await http.AppendAsync(url, 0, false, Hello[..5])).Is(204);
        AssertState((await http.SendAsync(method, url, null)).Is(204), "5", "?0");
        (await http.AppendAsync(url, 5, true, Hello[5..])).Is(200);
        AssertState((await http.SendAsync(method, url, null)).Is(204), "23", "?1");

        static void AssertState(Answer answer, string offset, string complete)
        {
            Assert.Equal((offset, complete, "23", "no-store", ""), (answer["Upload-Offset"], answer["Upload-Complete"], answer["Upload-Length"], answer["Cache-Control"], answer.Body));
            Assert.Matches("^max-size=10737418240, max-age=51[0-9]{4}$", answer["Upload-Limit"]);
        }
    }

    /// <summary>An upload resource that is not there, or not any more, is refused.</summary>
    [Fact]
    public async Task What_is_not_there_is_404_and_what_expired_410()
    {
        var nowhere = $"{AppendClient.Resumable}/{Guid.NewGuid()}";
        (await http.OffsetAsync(nowhere)).Is(404);
        (await http.AppendAsync(nowhere, 0, true, Hello)).Refuses(404, "UPLOAD_NOT_FOUND");
        (await http.SendAsync("DELETE", nowhere, null)).Refuses(404, "UPLOAD_NOT_FOUND");
        var url = await http.CreateEmptyAsync();
        node.Clock.Shift = TimeSpan.FromDays(6) + TimeSpan.FromMinutes(1);
        (await http.OffsetAsync(url)).Is(410);
        (await http.AppendAsync(url, 0, true, Hello)).Refuses(410, "UPLOAD_EXPIRED");
    }

    // 4.4 Append

    /// <summary>"If the request content was fully processed, the server acknowledges the appended data by sending a 2xx (Successful) response with the Upload-Complete header field set to false."</summary>
    [Theory]
    [InlineData(4_000_000)]
    [InlineData(8 << 20)]
    [InlineData(9_999_999)]
    public async Task A_file_in_a_series_of_appends(int size)
    {
        var url = await http.CreateEmptyAsync();
        var offset = 0;
        foreach (var piece in Large.Chunk(size))
        {
            Assert.Equal("?0", (await http.AppendAsync(url, offset, false, piece)).Is(204)["Upload-Complete"]);
            offset += piece.Length;
        }

        Assert.Equal("?1", (await http.AppendAsync(url, offset, true, [])).Is(200)["Upload-Complete"]);
        await http.HoldsAsync(url, storage, Large);
    }

    /// <summary>"by sending a PATCH request with the application/partial-upload media type"</summary>
    [Theory]
    [InlineData("")]
    [InlineData("Content-Type: application/offset+octet-stream")]
    public async Task An_append_of_another_type_is_415(string type)
    {
        var url = await http.CreateEmptyAsync();
        (await http.SendAsync("PATCH", url, Hello, type, "Upload-Offset: 0", "Upload-Complete: ?0")).Refuses(415, "UNSUPPORTED_MEDIA_TYPE");
        Assert.Equal("0", (await http.OffsetAsync(url)).Is(204)["Upload-Offset"]);
    }

    /// <summary>
    /// "If the Upload-Offset request header field value does not match the current offset, the server MUST reject the request with a 409
    /// (Conflict) status code and the Upload-Complete header field set to false. The response MUST include the correct offset in the
    /// Upload-Offset header field." "SHOULD populate both members", expected-offset and provided-offset.
    /// </summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(6, true)]
    [InlineData(99, false)]
    public async Task An_append_elsewhere_is_409_with_the_offset(int offset, bool isComplete)
    {
        var url = await http.CreateEmptyAsync();
        (await http.AppendAsync(url, 0, false, Hello[..5])).Is(204);
        if (isComplete)
        {
            (await http.AppendAsync(url, 5, true, Hello[5..])).Is(200);
        }

        var expected = isComplete ? Hello.Length : 5;
        var answer = (await http.AppendAsync(url, offset, true, Hello)).Refuses(409, "UPLOAD_OFFSET_MISMATCH");
        Assert.Equal(($"{expected}", "?0", "application/problem+json"), (answer["Upload-Offset"], answer["Upload-Complete"], answer["Content-Type"]));
        var problem = JsonDocument.Parse(answer.Body).RootElement;
        Assert.Equal("https://iana.org/assignments/http-problem-types#mismatching-upload-offset", problem.GetProperty("type").GetString());
        Assert.Equal((expected, offset), (problem.GetProperty("expected-offset").GetInt32(), problem.GetProperty("provided-offset").GetInt32()));
    }

    /// <summary>"The server can choose to replay the final response to the client if the request to append to the completed upload is valid."</summary>
    [Fact]
    public async Task The_final_answer_can_be_had_again()
    {
        var url = await http.CreateEmptyAsync();
        var final = (await http.AppendAsync(url, 0, true, Hello)).Is(200);
        var again = (await http.AppendAsync(url, Hello.Length, true, [])).Is(200);
        Assert.Equal((final.Body, "?1"), (again.Body, again["Upload-Complete"]));
        Assert.Equal("?0", (await http.AppendAsync(url, Hello.Length, false, [1])).Refuses(409, "UPLOAD_COMPLETED")["Upload-Complete"]);
        await http.HoldsAsync(url, storage, Hello);
    }

    /// <summary>
    /// "If the length is known, the server MUST prevent the offset from exceeding the upload length by rejecting the request once the offset
    /// exceeds the length, marking the upload resource invalid and rejecting any further interaction with it. It is not sufficient to rely on the
    /// Content-Length header field".
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task More_than_the_length_ends_the_upload(bool isChunked)
    {
        var url = await http.CreateEmptyAsync("Upload-Length: 10");
        if (isChunked)
        {
            using var wire = await AppendWire.SendHeadAsync(
                node.Host, "PATCH", url, "Upload-Offset: 0", "Upload-Complete: ?0", "Content-Type: application/partial-upload", "Transfer-Encoding: chunked");
            await wire.SendChunkAsync(Hello);
            await wire.SendEndAsync();
            (await wire.ReadAsync()).Refuses(400, "INCONSISTENT_UPLOAD_LENGTH");
        }
        else
        {
            (await http.AppendAsync(url, 0, false, Hello)).Refuses(400, "INCONSISTENT_UPLOAD_LENGTH");
        }

        (await http.OffsetAsync(url)).Is(410);
        (await http.AppendAsync(url, 0, true, Hello[..10])).Refuses(410, "UPLOAD_GONE");
    }

    // 4.5 Cancellation

    /// <summary>"Upon receiving a DELETE request, the server SHOULD deactivate the upload resource." "SHOULD terminate any in-flight requests to the upload resource before sending the response by abruptly terminating their HTTP connection(s)".</summary>
    [Fact]
    public async Task Cancelling_ends_the_upload_and_its_requests()
    {
        var url = await http.CreateEmptyAsync();
        using var wire = await http.BeginAppendAsync(url, 0, true, Large.Length, Large[..1_000_000]);
        await wire.TakenAsync();
        (await http.SendAsync("DELETE", url, null)).Is(204);
        Assert.True(await wire.IsCutOffAsync());
        (await http.OffsetAsync(url)).Is(410);
        (await http.AppendAsync(url, 0, true, Hello)).Refuses(410, "UPLOAD_GONE");
        Assert.Empty((await storage.ListAsync($"tail/{AppendClient.IdOf(url):N}/", null, TestContext.Current.CancellationToken)).Objects);
    }

    // 4.6 Concurrency

    /// <summary>
    /// "the server MUST NOT send outdated information in responses when retrieving the offset. This means that the offset sent by the server MUST
    /// be accepted in a subsequent request to append representation data". "the server SHOULD prevent race conditions, data loss, and corruption by
    /// terminating the previous request before processing the new request."
    /// </summary>
    [Theory]
    [InlineData(100)]
    [InlineData(12_000_000)]
    public async Task The_offset_told_is_taken_although_a_request_is_under_way(int sent)
    {
        var url = await http.CreateEmptyAsync();
        using var hanging = await http.BeginAppendAsync(url, 0, true, Large.Length, Large[..sent]);
        await hanging.TakenAsync();
        if (sent > PartPlan.AppendedPartSizeBytes)
        {
            // An interrupted request waits for the store for some seconds only: a slow one would not have the part by then.
            await Eventually.HoldsAsync(async () => (await http.HistoryAsync(url)).Contains("chunk_stored"));
        }

        var offset = int.Parse((await http.OffsetAsync(url)).Is(204)["Upload-Offset"], CultureInfo.InvariantCulture);
        Assert.InRange(offset, 1, sent);
        Assert.True(await hanging.IsCutOffAsync());
        (await http.AppendAsync(url, offset, true, Large[offset..])).Is(200);
        await http.HoldsAsync(url, storage, Large);
    }

    // 11 Digests

    /// <summary>"If the digests don't match the server SHOULD consider the transfer failed, not append the content to the upload resource, and signal the failure to the client." (Content-Digest)</summary>
    [Theory]
    [InlineData("sha-256")]
    [InlineData("sha-512")]
    public async Task A_damaged_append_is_not_appended(string algorithm)
    {
        var url = await http.CreateEmptyAsync();
        var damaged = Large[..9_000_000];
        damaged[^1] ^= 1;
        var field = $"Content-Digest: md5=:AAAA:, {algorithm}=:{Convert.ToBase64String(algorithm == "sha-256" ? SHA256.HashData(Large[..9_000_000]) : SHA512.HashData(Large[..9_000_000]))}:";
        (await http.AppendAsync(url, 0, false, damaged, field)).Refuses(400, "CHECKSUM_MISMATCH");
        Assert.Equal("0", (await http.OffsetAsync(url)).Is(204)["Upload-Offset"]);
        (await http.AppendAsync(url, 0, false, Large[..9_000_000], field)).Is(204);
        (await http.AppendAsync(url, 9_000_000, true, Large[9_000_000..], "Content-Digest: sha-256=:no-base64!:")).Refuses(400, "INVALID_CHECKSUM");
        (await http.AppendAsync(url, 9_000_000, true, Large[9_000_000..], "Content-Digest: unixsum=:AAAA:")).Is(200);
        await http.HoldsAsync(url, storage, Large);
    }

    /// <summary>"If the digests don't match, the server SHOULD consider the upload failed, not process the representation further, and signal the failure to the client." (Repr-Digest)</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_damaged_file_never_becomes_one(bool isInOneRequest)
    {
        var field = $"Repr-Digest: sha-256=:{Convert.ToBase64String(SHA256.HashData(Hello))}:";
        var damaged = Encoding.ASCII.GetBytes("HELLO, resumable world!");
        string url;
        if (isInOneRequest)
        {
            (await http.CreateAsync(true, damaged, Type, field)).Refuses(400, "REPR_DIGEST_MISMATCH");
            await http.HoldsAsync((await http.CreateAsync(true, Hello, Type, field)).Is(200)["Location"], storage, Hello);
            return;
        }

        url = await http.CreateEmptyAsync(field);
        (await http.AppendAsync(url, 0, false, damaged[..10])).Is(204);
        Assert.Equal("?1", (await http.AppendAsync(url, 10, true, damaged[10..])).Refuses(400, "REPR_DIGEST_MISMATCH")["Upload-Complete"]);
        (await http.OffsetAsync(url)).Is(410);
        var upload = (await node.Host.Events.FoldAsync<Upload, IUploadEvent>(AppendClient.IdOf(url), TestContext.Current.CancellationToken)).State;
        Assert.Null(upload.Result);
        Assert.Null(await storage.HeadAsync(upload.Session.Key, TestContext.Current.CancellationToken));

        var good = await http.CreateEmptyAsync(field);
        (await http.AppendAsync(good, 0, false, Hello[..10])).Is(204);
        (await http.AppendAsync(good, 10, true, Hello[10..])).Is(200);
        await http.HoldsAsync(good, storage, Hello);
    }

    /// <summary>"The server SHOULD compute the representation digests using the preferred algorithms once the upload is complete and include the corresponding Repr-Digest header field in the response."</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public async Task A_digest_that_is_wanted_comes_with_the_final_answer(int first)
    {
        var url = (await http.CreateAsync(false, Hello[..first], Type, "Want-Repr-Digest: md5=10, sha-256=0, sha-512=3")).Is(201)["Location"];
        Assert.Equal(
            $"sha-512=:{Convert.ToBase64String(SHA512.HashData(Hello))}:", (await http.AppendAsync(url, first, true, Hello[first..])).Is(200)["Repr-Digest"]);
    }

    /// <summary>Other methods are named in the answer.</summary>
    [Fact]
    public async Task Other_methods_are_405()
    {
        (await http.SendAsync("DELETE", AppendClient.Resumable, null)).Refuses(405, "METHOD_NOT_ALLOWED");
        (await http.SendAsync("POST", await http.CreateEmptyAsync(), Hello)).Refuses(405, "METHOD_NOT_ALLOWED");
    }
}
