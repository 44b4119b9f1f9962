using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Platform.Storage;
using Xunit;

namespace Uploads.Tests;

public sealed class FolderTusExtensionTests(FolderNode node) : TusExtensionTests(node), IClassFixture<FolderNode>;

public sealed class S3TusExtensionTests(S3Node node) : TusExtensionTests(node), IClassFixture<S3Node>;

/// <summary>The extensions of tus 1.0.0, clause by clause; concatenation has a suite of its own.</summary>
public abstract class TusExtensionTests(UploadNode node) : IDisposable
{
    private static readonly byte[] Hello = "hello world"u8.ToArray();
    private static readonly byte[] Large = RandomNumberGenerator.GetBytes((9 << 20) + 1);

    private readonly AppendClient tus = new(node.Host);
    private readonly IObjectStorage storage = node.Storage;

    public void Dispose()
    {
        node.Clock.Shift = TimeSpan.Zero;
        GC.SuppressFinalize(this);
    }

    // Creation

    /// <summary>
    /// "The Server MUST acknowledge a successful upload creation with the 201 Created status. The Server MUST set the Location header to the
    /// URL of the created resource. This URL MAY be absolute or relative." "The new resource has an implicit offset of 0".
    /// </summary>
    [Fact]
    public async Task Creation_answers_with_the_address()
    {
        var answer = (await tus.TusPostAsync("Upload-Length: 100")).Is(201);
        Assert.StartsWith("/v1/tus/", answer["Location"], StringComparison.Ordinal);
        Assert.Equal(0, await tus.TusOffsetAsync(answer["Location"]));
    }

    /// <summary>
    /// "The request MUST include one of the following headers: a) Upload-Length … b) Upload-Defer-Length: 1 … If the Upload-Defer-Length header
    /// contains any other value than 1 the server should return a 400 Bad Request status."
    /// </summary>
    [Theory]
    [InlineData("", "")]
    [InlineData("Upload-Length: 5", "Upload-Defer-Length: 1")]
    [InlineData("", "Upload-Defer-Length: 0")]
    [InlineData("", "Upload-Defer-Length: 2")]
    [InlineData("Upload-Length: 5", "Upload-Defer-Length: 0")]
    [InlineData("Upload-Length: -1", "")]
    [InlineData("Upload-Length: five", "")]
    public async Task Creation_without_a_proper_length_is_400(string length, string deferred) =>
        (await tus.TusPostAsync(length, deferred)).Refuses(400, "INVALID_UPLOAD_HEADER");

    /// <summary>
    /// "The Upload-Length header MAY be set to 0, indicating that the Client wants to upload an empty file. Such an upload is immediately
    /// complete after its creation without transferring data using PATCH requests."
    /// </summary>
    [Fact]
    public async Task An_empty_file_is_complete_at_once()
    {
        var url = await tus.TusCreateAsync(0);
        await tus.HoldsAsync(url, storage);
        var answer = (await tus.TusHeadAsync(url)).Is(200);
        Assert.Equal(("0", "0"), (answer["Upload-Offset"], answer["Upload-Length"]));
    }

    /// <summary>
    /// "If the length of the upload exceeds the maximum, which MAY be specified using the Tus-Max-Size header, the Server MUST respond with
    /// the 413 Request Entity Too Large status."
    /// </summary>
    [Fact]
    public async Task A_file_over_the_maximum_is_413()
    {
        (await tus.TusPostAsync($"Upload-Length: {(10L << 30) + 1}")).Refuses(413, "FILE_TOO_LARGE");
        (await tus.TusPostAsync($"Upload-Length: {10L << 30}")).Is(201);
    }

    /// <summary>
    /// "If an upload contains additional metadata, responses to HEAD requests MUST include the Upload-Metadata header and its value as
    /// specified by the Client during the creation." The names, here, are those of several clients.
    /// </summary>
    [Theory]
    [InlineData("filename", "filetype")]
    [InlineData("name", "type")]
    public async Task Metadata_names_the_file_and_comes_back(string name, string type)
    {
        var metadata = $"{name} {AppendClient.Base64("Zoë.jpg")},{type} {AppendClient.Base64("image/jpeg")},userRole {AppendClient.Base64("creator")}"
            + $",userId {AppendClient.Base64("u2")},weddingId {AppendClient.Base64("w2")},is_confidential,empty ";
        var created = (await tus.TusAsync("POST", AppendClient.Tus, null, "Upload-Length: 4", $"Upload-Metadata: {metadata}")).Is(201);
        Assert.Equal(metadata.TrimEnd(), (await tus.TusHeadAsync(created["Location"])).Is(200)["Upload-Metadata"]);
        (await tus.TusPatchAsync(created["Location"], 0, [0xFF, 0xD8, 0xFF, 0xE0])).Is(204);
        var file = (await node.Host.StatusAsync(AppendClient.IdOf(created["Location"])));
        Assert.Equal("completed", file.GetProperty("status").GetString());
        Assert.Equal("Zoë.jpg", file.GetProperty("fileName").GetString());
        Assert.Matches("^creator/u2/\\d{8}/images/Zoë-[0-9a-f]{12}[.]jpg$", file.Key());
    }

    /// <summary>"The key MUST NOT contain spaces and commas and MUST NOT be empty. The key SHOULD be ASCII encoded and the value MUST be Base64 encoded. All keys MUST be unique."</summary>
    [Theory]
    [InlineData("filename a.txt")]
    [InlineData("filename YQ== YQ==")]
    [InlineData("filename YQ==,filename YQ==")]
    [InlineData("filename YQ==,,x YQ==")]
    [InlineData("ключ YQ==")]
    public async Task Malformed_metadata_is_400(string metadata)
    {
        using var wire = await AppendWire.SendHeadAsync(
            node.Host, "POST", AppendClient.Tus + AppendClient.Terms,
            "Tus-Resumable: 1.0.0", "Upload-Length: 5", "Content-Length: 0", $"Upload-Metadata: {Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(metadata))}");
        (await wire.ReadAsync()).Refuses(400, "INVALID_UPLOAD_METADATA");
    }

    /// <summary>"The Server MAY decide to ignore or use this information to further process the request or to reject it."</summary>
    [Theory]
    [InlineData("?userRole=member&userId=u1&contentType=text/plain", "INVALID_FILE_NAME", 400)]
    [InlineData("?userRole=member&userId=u1&contentType=text/plain&fileName=a/b", "INVALID_FILE_NAME", 400)]
    [InlineData("?userRole=member&userId=u1&contentType=text/html&fileName=a.html", "UNSUPPORTED_CONTENT_TYPE", 415)]
    [InlineData("?userRole=member&userId=u1&fileName=a", "UNSUPPORTED_CONTENT_TYPE", 415)]
    [InlineData("?userRole=boss&userId=u1&contentType=text/plain&fileName=a", "INVALID_USER_ROLE", 400)]
    [InlineData("?userRole=member&contentType=text/plain&fileName=a", "INVALID_USER_ID", 400)]
    [InlineData("?userRole=member&userId=u1&contentType=text/plain&fileName=a&weddingId=../x", "INVALID_WEDDING_ID", 400)]
    public async Task A_file_that_would_not_be_taken_in_chunks_is_not_taken_here(string terms, string code, int status) =>
        (await tus.TusAsync("POST", AppendClient.Tus + terms, null, "Upload-Length: 5")).Refuses(status, code);

    /// <summary>The first bytes must be of the type, however few come at a time.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(12)]
    [InlineData(100)]
    public async Task A_file_that_begins_like_another_type_is_415(int size)
    {
        var url = (await tus.TusAsync(
            "POST", AppendClient.Tus + "?userRole=member&userId=u1&contentType=image/jpeg&fileName=a.jpg", null, "Upload-Length: 100")).Is(201)["Location"];
        var html = Encoding.ASCII.GetBytes("<html><script>alert(1)</script>".PadRight(100));
        var (offset, answer) = (0, default(Answer));
        for (; offset < html.Length; offset += size)
        {
            answer = await tus.TusPatchAsync(url, offset, html[offset..Math.Min(html.Length, offset + size)]);
            if (answer.Status != 204)
                break;
        }

        answer!.Refuses(415, "CONTENT_TYPE_MISMATCH");
        Assert.Equal(["upload_aborted", "parts_discarded"], (await tus.HistoryAsync(url)).TakeLast(2));
        (await tus.TusHeadAsync(url)).Is(410);
    }

    // Creation-Defer-Length

    /// <summary>
    /// "If the length was deferred using Upload-Defer-Length: 1, the Client MUST set the Upload-Length header in the next PATCH request, once
    /// the length is known. Once set the length MUST NOT be changed. As long as the length of the upload is not known, the Server MUST set
    /// Upload-Defer-Length: 1 in all responses to HEAD requests." "If the length of an upload is not deferred, this header MUST be omitted."
    /// </summary>
    [Fact]
    public async Task The_length_may_come_later_but_only_once()
    {
        var url = await tus.TusCreateAsync(null);
        await AssertLengthAsync(null);
        (await tus.TusPatchAsync(url, 0, Large[..9_000_000])).Is(204);
        await AssertLengthAsync(null);
        (await tus.TusPatchAsync(url, 9_000_000, Large[9_000_000..9_000_001], $"Upload-Length: {Large.Length}")).Is(204);
        await AssertLengthAsync(Large.Length);
        (await tus.TusPatchAsync(url, 9_000_001, Large[9_000_001..], "Upload-Length: 20000000")).Refuses(400, "INCONSISTENT_UPLOAD_LENGTH");
        await AssertLengthAsync(Large.Length);
        (await tus.TusPatchAsync(url, 9_000_001, Large[9_000_001..], $"Upload-Length: {Large.Length}")).Is(204);
        await tus.HoldsAsync(url, storage, Large);

        async Task AssertLengthAsync(int? length)
        {
            var answer = (await tus.TusHeadAsync(url)).Is(200);
            Assert.Equal(length?.ToString(CultureInfo.InvariantCulture) ?? "", answer["Upload-Length"]);
            Assert.Equal(length is null ? "1" : "", answer["Upload-Defer-Length"]);
        }
    }

    /// <summary>A length that says that all is there completes the upload, without further bytes.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(11)]
    [InlineData(8 << 20)]
    public async Task A_length_that_comes_last_completes(int length)
    {
        var url = await tus.TusCreateAsync(null);
        var bytes = Large[..length];
        (await tus.TusPatchAsync(url, 0, bytes)).Is(204);
        Assert.DoesNotContain("upload_completed", await tus.HistoryAsync(url));
        Assert.Equal($"{length}", (await tus.TusPatchAsync(url, length, [], $"Upload-Length: {length}")).Is(204)["Upload-Offset"]);
        await tus.HoldsAsync(url, storage, bytes);
    }

    /// <summary>No length may be less than what is there, or more than the maximum.</summary>
    [Fact]
    public async Task A_deferred_length_has_bounds()
    {
        var url = await tus.TusCreateAsync(null);
        (await tus.TusPatchAsync(url, 0, Hello)).Is(204);
        (await tus.TusPatchAsync(url, 11, [], "Upload-Length: 10")).Refuses(400, "INCONSISTENT_UPLOAD_LENGTH");
        (await tus.TusPatchAsync(url, 11, [], $"Upload-Length: {(10L << 30) + 1}")).Refuses(413, "FILE_TOO_LARGE");
        (await tus.TusPatchAsync(url, 11, [], "Upload-Length: 11")).Is(204);
        await tus.HoldsAsync(url, storage, Hello);
    }

    // Creation With Upload

    /// <summary>
    /// "The Client MAY include either the entirety or a chunk of the upload data in the body of the POST request. … The Client MUST include
    /// the Content-Type: application/offset+octet-stream header. The Server SHOULD accept as many bytes as possible and MUST include the
    /// Upload-Offset header in the response and MUST set its value to the offset of the upload after applying the accepted bytes."
    /// </summary>
    [Theory]
    [InlineData(5)]
    [InlineData(11)]
    [InlineData(0)]
    public async Task A_creation_may_bring_bytes(int size)
    {
        var answer = (await tus.TusAsync(
            "POST", AppendClient.Tus + AppendClient.Terms, Hello[..size], "Upload-Length: 11", "Content-Type: application/offset+octet-stream")).Is(201);
        Assert.Equal($"{size}", answer["Upload-Offset"]);
        if (size < 11)
        {
            (await tus.TusPatchAsync(answer["Location"], size, Hello[size..])).Is(204);
        }

        await tus.HoldsAsync(answer["Location"], storage, Hello);
    }

    /// <summary>"The Client MUST include the Content-Type: application/offset+octet-stream header."</summary>
    [Fact]
    public async Task A_creation_with_bytes_of_another_type_is_415() => (await tus.TusAsync(
        "POST", AppendClient.Tus + AppendClient.Terms, Hello, "Upload-Length: 11", "Content-Type: text/plain")).Refuses(415, "UNSUPPORTED_MEDIA_TYPE");

    /// <summary>"In this case, similar rules as for the PATCH request and response apply." What is refused leaves nothing behind.</summary>
    [Fact]
    public async Task A_creation_with_too_many_bytes_or_damaged_ones_leaves_no_upload()
    {
        var headers = new[] { "Upload-Length: 11", "Content-Type: application/offset+octet-stream" };
        (await tus.TusAsync("POST", AppendClient.Tus + AppendClient.Terms, [.. Hello, 1], headers)).Refuses(413, "UPLOAD_TOO_LONG");
        (await tus.TusAsync(
            "POST", AppendClient.Tus + AppendClient.Terms, Hello, [.. headers, $"Upload-Checksum: md5 {Convert.ToBase64String(new byte[16])}"])).Refuses(460, "UPLOAD_CHECKSUM_MISMATCH");
    }

    // Expiration

    /// <summary>
    /// "This header MUST be included in every PATCH response if the upload is going to expire. If the expiration is known at the creation, the
    /// Upload-Expires header MUST be included in the response to the initial POST request." "The value … MUST be in RFC 9110 datetime format."
    /// </summary>
    [Fact]
    public async Task Unfinished_uploads_tell_when_they_expire()
    {
        var created = (await tus.TusPostAsync("Upload-Length: 11")).Is(201);
        var patched = (await tus.TusPatchAsync(created["Location"], 0, Hello[..5])).Is(204);
        foreach (var answer in new[] { created, patched, await tus.TusHeadAsync(created["Location"]) })
        {
            var expires = DateTimeOffset.ParseExact(answer["Upload-Expires"], "R", CultureInfo.InvariantCulture);
            Assert.InRange(expires, DateTimeOffset.UtcNow.AddDays(5.9), DateTimeOffset.UtcNow.AddDays(6));
        }

        Assert.Equal("", (await tus.TusPatchAsync(created["Location"], 5, Hello[5..])).Is(204)["Upload-Expires"]);
    }

    /// <summary>
    /// "If a Client does attempt to resume an upload which has since been removed by the Server, the Server SHOULD respond with the 404 Not
    /// Found or 410 Gone status. The latter one SHOULD be used if the Server is keeping track of expired uploads."
    /// </summary>
    [Fact]
    public async Task An_expired_upload_is_410_and_its_space_is_freed()
    {
        var url = await tus.TusCreateAsync(Large.Length);
        (await tus.TusPatchAsync(url, 0, Large[..9_000_000])).Is(204);
        Assert.Single((await storage.ListAsync($"tail/{AppendClient.IdOf(url):N}/", null, TestContext.Current.CancellationToken)).Objects);
        node.Clock.Shift = TimeSpan.FromDays(6) + TimeSpan.FromMinutes(1);
        (await tus.TusPatchAsync(url, 9_000_000, [1])).Refuses(410, "UPLOAD_EXPIRED");
        (await tus.TusHeadAsync(url)).Is(410);
        await Eventually.HoldsAsync(async () =>
        {
            await node.Host.Sweep.SweepAsync(TestContext.Current.CancellationToken);
            return (await tus.HistoryAsync(url)).Contains("parts_discarded");
        });
        Assert.Empty((await storage.ListAsync($"tail/{AppendClient.IdOf(url):N}/", null, TestContext.Current.CancellationToken)).Objects);
        (await tus.TusHeadAsync(url)).Is(410);
    }

    // Checksum

    /// <summary>
    /// "The Server MUST support at least the SHA1 checksum algorithm identified by sha1. The names of the checksum algorithms MUST only consist
    /// of ASCII characters with the modification that uppercase characters are excluded." "The Tus-Checksum-Algorithm header MUST be included
    /// in the response to an OPTIONS request." "a comma-separated list"
    /// </summary>
    [Fact]
    public async Task OPTIONS_lists_the_checksums() =>
        Assert.Equal(["sha1", "sha256", "sha512", "md5", "crc32"], (await tus.SendAsync("OPTIONS", AppendClient.Tus, null)).Is(200)["Tus-Checksum-Algorithm"].Split(','));

    /// <summary>
    /// "Once the entire request has been received, the Server MUST verify the uploaded chunk against the provided checksum using the specified
    /// algorithm. … 3) 204 No Content if the checksums match". The first is the document's own example.
    /// </summary>
    [Theory]
    [InlineData("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")]
    [InlineData("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=")]
    [InlineData("sha512 MJ7MSJwS1utMxA9QyQLytNDtd+5RGnx6m808qG1M2G+YndNbxf9JlnDaNCVbRbDP2DDoH2Bdz33FVC6TrpzXbw==")]
    [InlineData("md5 XrY7u+Ae7tCTyyK7j1rNww==")]
    [InlineData("crc32 DUoRhQ==")]
    public async Task A_chunk_with_its_checksum_is_taken(string checksum)
    {
        var url = await tus.TusCreateAsync(22);
        Assert.Equal("11", (await tus.TusPatchAsync(url, 0, Hello, $"Upload-Checksum: {checksum}")).Is(204)["Upload-Offset"]);
        Assert.Equal("22", (await tus.TusPatchAsync(url, 11, Hello, $"Upload-Checksum: {checksum}")).Is(204)["Upload-Offset"]);
        await tus.HoldsAsync(url, storage, Hello, Hello);
    }

    /// <summary>
    /// "2) 460 Checksum Mismatch if the checksums mismatch … the uploaded chunk MUST be discarded, and the upload and its offset MUST NOT be
    /// updated." However large the chunk was: parts of it may be in the store already.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(700_000)]
    public async Task A_damaged_chunk_is_discarded_as_a_whole(int before)
    {
        var url = await tus.TusCreateAsync(Large.Length);
        (await tus.TusPatchAsync(url, 0, Large[..before])).Is(204);
        var history = await tus.HistoryAsync(url);
        var damaged = Large[before..];
        damaged[^1] ^= 1;
        var checksum = $"Upload-Checksum: sha1 {Convert.ToBase64String(SHA1.HashData(Large[before..]))}";
        var answer = (await tus.TusPatchAsync(url, before, damaged, checksum)).Refuses(460, "UPLOAD_CHECKSUM_MISMATCH");
        Assert.Equal("Checksum Mismatch", answer.Reason);
        Assert.Equal(history, await tus.HistoryAsync(url));
        Assert.Equal(before, await tus.TusOffsetAsync(url));
        (await tus.TusPatchAsync(url, before, Large[before..], checksum)).Is(204);
        await tus.HoldsAsync(url, storage, Large);
    }

    /// <summary>"1) 400 Bad Request if the checksum algorithm is not supported by the server". "the name of the used checksum algorithm and the Base64 encoded checksum separated by a space"</summary>
    [Theory]
    [InlineData("sha3 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")]
    [InlineData("SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")]
    [InlineData("sha1")]
    [InlineData("sha1 no-base64!")]
    [InlineData("sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=")]
    public async Task A_checksum_that_is_none_is_400(string checksum)
    {
        var url = await tus.TusCreateAsync(11);
        (await tus.TusPatchAsync(url, 0, Hello, $"Upload-Checksum: {checksum}")).Refuses(400, "INVALID_CHECKSUM");
        Assert.Equal(0, await tus.TusOffsetAsync(url));
    }

    /// <summary>A chunk with a checksum that breaks off cannot be verified: nothing of it counts.</summary>
    [Fact]
    public async Task A_broken_chunk_with_a_checksum_is_discarded()
    {
        var url = await tus.TusCreateAsync(Large.Length);
        using (var wire = await tus.TusBeginPatchAsync(url, 0, Large.Length, Large[..9_000_000], "Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="))
        {
            // Given up while a slow store has the first part, the request would leave a note of that.
            var upload = (await node.Host.Events.FoldAsync<Upload, IUploadEvent>(AppendClient.IdOf(url), TestContext.Current.CancellationToken)).State;
            await Eventually.HoldsAsync(async () => (await storage.ListPartsAsync(upload.Multipart!, TestContext.Current.CancellationToken)).Count == 1);
            await wire.CutAsync();
        }

        Assert.Equal(0, await tus.TusOffsetAsync(url));
        Assert.Equal(["upload_initiated"], await tus.HistoryAsync(url));
    }

    // Checksum-Trailer

    /// <summary>
    /// "If the hash cannot be calculated at the beginning of the upload, it MAY be included as a trailer. If the Server can handle trailers,
    /// this behavior MUST be announced by adding checksum-trailer to the Tus-Extension header."
    /// </summary>
    [Theory]
    [InlineData("Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", 204)]
    [InlineData("Upload-Checksum: crc32 DUoRhQ==", 204)]
    [InlineData("Upload-Checksum: sha1 AAAANclPz7QV2+lfQIuc6R7oRu0=", 460)]
    [InlineData("Upload-Checksum: sha4 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", 400)]
    [InlineData("", 400)]
    public async Task The_checksum_may_come_behind_the_bytes(string trailer, int status)
    {
        var url = await tus.TusCreateAsync(11);
        using var wire = await AppendWire.SendHeadAsync(
            node.Host, "PATCH", url,
            "Tus-Resumable: 1.0.0", "Upload-Offset: 0", "Content-Type: application/offset+octet-stream", "Transfer-Encoding: chunked", "Trailer: Upload-Checksum");
        await wire.SendChunkAsync(Hello[..5]);
        await wire.SendChunkAsync(Hello[5..]);
        await wire.SendEndAsync(trailer.Length > 0 ? [trailer] : []);
        (await wire.ReadAsync()).Is(status);
        Assert.Equal(status == 204 ? 11 : 0, await tus.TusOffsetAsync(url));
    }

    // Termination

    /// <summary>
    /// "When receiving a DELETE request for an existing upload the Server SHOULD free associated resources and MUST respond with the 204 No
    /// Content status confirming that the upload was terminated. For all future requests to this URL, the Server SHOULD respond with the 404
    /// Not Found or 410 Gone status."
    /// </summary>
    [Fact]
    public async Task A_terminated_upload_is_gone_with_all_it_had()
    {
        var url = await tus.TusCreateAsync(Large.Length);
        (await tus.TusPatchAsync(url, 0, Large[..9_000_000])).Is(204);
        (await tus.TusAsync("DELETE", url, null)).Is(204);
        Assert.Equal("parts_discarded", (await tus.HistoryAsync(url))[^1]);
        Assert.Empty((await storage.ListAsync($"tail/{AppendClient.IdOf(url):N}/", null, TestContext.Current.CancellationToken)).Objects);
        (await tus.TusHeadAsync(url)).Is(410);
        (await tus.TusPatchAsync(url, 9_000_000, [1])).Refuses(410, "UPLOAD_GONE");
        (await tus.TusAsync("DELETE", url, null)).Refuses(410, "UPLOAD_GONE");
    }

    /// <summary>"This extension defines a way for the Client to terminate completed and unfinished uploads". A file that is complete is the wedding's: it stays.</summary>
    [Fact]
    public async Task A_complete_upload_can_be_terminated_and_its_file_stays()
    {
        var url = await tus.TusCreateAsync(11);
        (await tus.TusPatchAsync(url, 0, Hello)).Is(204);
        (await tus.TusAsync("DELETE", url, null)).Is(204);
        (await tus.TusHeadAsync(url)).Is(410);
        (await tus.TusAsync("DELETE", url, null)).Is(410);
        await tus.HoldsAsync(url, storage, Hello);
    }

    /// <summary>A request that is under way when the upload is terminated ends, too.</summary>
    [Fact]
    public async Task Termination_ends_a_request_under_way()
    {
        var url = await tus.TusCreateAsync(Large.Length);
        using var wire = await tus.TusBeginPatchAsync(url, 0, Large.Length, Large[..1_000_000]);
        await wire.TakenAsync();
        (await tus.TusAsync("DELETE", url, null)).Is(204);
        Assert.True(await wire.IsCutOffAsync());
        (await tus.TusHeadAsync(url)).Is(410);
        Assert.Empty((await storage.ListAsync($"tail/{AppendClient.IdOf(url):N}/", null, TestContext.Current.CancellationToken)).Objects);
    }
}
