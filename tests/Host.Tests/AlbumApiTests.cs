using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Platform.Storage;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>An album's whole life over HTTP, with its jobs running.</summary>
public sealed class AlbumApiTests(WebHost host) : IClassFixture<WebHost>, IAsyncLifetime
{
    private readonly HttpClient client = host.CreateClient();
    private readonly string prefix = $"{Guid.NewGuid():n}/";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var storage = host.Services.GetRequiredService<IObjectStorage>();
        foreach (var name in new[] { "a.jpg", "b.jpg" })
        {
            var bytes = new byte[100_000];
            Random.Shared.NextBytes(bytes);
            await using var body = new BufferBody(bytes, Crc32.Append(0, bytes));
            await storage.PutAsync(prefix + name, body, bytes.Length, "image/jpeg", Cancellation);
        }
    }

    public ValueTask DisposeAsync()
    {
        client.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task An_album_is_requested_followed_downloaded_and_mailed()
    {
        using var requested = await RequestAsync(new { weddingId = "ann-bob", prefix, notify = new { emails = new[] { "ann@example.com" } } });
        Assert.Equal(HttpStatusCode.Accepted, requested.StatusCode);
        var album = requested.Headers.Location!.OriginalString;

        var events = (await client.GetStringAsync($"{album}/progress", Cancellation)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.All(events, e => Assert.StartsWith("event: progress\ndata: {", e, StringComparison.Ordinal));
        Assert.All(events, e => Assert.Contains("\nretry: 2000", e, StringComparison.Ordinal));
        using var last = JsonDocument.Parse(events[^1].Split("data: ")[1].Split('\n')[0]);
        Assert.Equal("completed", last.RootElement.GetProperty("status").GetString());
        Assert.Equal(2, last.RootElement.GetProperty("files").GetProperty("done").GetInt32());
        Assert.Equal($"{album}/download", last.RootElement.GetProperty("downloadUrl").GetString());

        await using var zip = await client.GetStreamAsync($"{album}/download", Cancellation);
        await using var archive = await ZipArchive.CreateAsync(zip, ZipArchiveMode.Read, leaveOpen: false, entryNameEncoding: null, Cancellation);
        Assert.Equal(["a.jpg", "b.jpg"], archive.Entries.Select(entry => entry.FullName));

        var mail = await EventuallyAsync(() => Task.FromResult(host.Mails().SingleOrDefault()));
        Assert.Contains("ann@example.com", mail, StringComparison.Ordinal);
        var log = await client.GetStringAsync($"{album}/log", Cancellation);
        Assert.Contains("file_zipped", log, StringComparison.Ordinal);
        Assert.DoesNotContain("ann@example.com", log, StringComparison.Ordinal);
        Assert.Single(await EventuallyAsync(async () =>
        {
            var listed = await client.GetFromJsonAsync<JsonElement>("/v1/albums?weddingId=ann-bob&status=completed", Cancellation);
            return listed.GetProperty("albums").EnumerateArray().ToArray() is { Length: > 0 } albums ? albums : null;
        }));
    }

    /// <summary>RFC 9110 §14, as browsers and download managers use it.</summary>
    [Fact]
    public async Task A_download_goes_on_where_it_stopped()
    {
        var album = await CompletedAlbumAsync();
        var whole = await client.GetByteArrayAsync($"{album}/download", Cancellation);
        using var head = await SendAsync(HttpMethod.Head, album);
        Assert.Equal(whole.Length, head.Content.Headers.ContentLength);
        var etag = head.Headers.ETag!;
        Assert.False(etag.IsWeak);

        await AssertRangeAsync("bytes=0-0", 0, 1);
        await AssertRangeAsync("bytes=100-", 100, whole.Length);
        await AssertRangeAsync($"bytes=5-{whole.Length * 2L}", 5, whole.Length);
        await AssertRangeAsync("bytes=-10", whole.Length - 10, whole.Length);
        await AssertRangeAsync($"bytes=-{whole.Length * 2L}", 0, whole.Length);
        await AssertRangeAsync("bytes=7-8", 7, 9, etag.ToString());

        foreach (var outside in new[] { $"bytes={whole.Length}-", "bytes=-0" })
        {
            using var refused = await SendAsync(HttpMethod.Get, album, outside);
            Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, refused.StatusCode);
            Assert.Equal(whole.Length, refused.Content.Headers.ContentRange!.Length);
            await AssertRefusedAsync(refused, 416, "RANGE_NOT_SATISFIABLE");
        }

        foreach (var (range, ifRange) in new[] { ("bytes=1-2", "\"other\""), ("bytes=1-2,4-5", null), ("lines=1-2", null), ("bytes=2-1", null) })
        {
            using var full = await SendAsync(HttpMethod.Get, album, range, ifRange);
            Assert.Equal(HttpStatusCode.OK, full.StatusCode);
            Assert.Equal(whole, await full.Content.ReadAsByteArrayAsync(Cancellation));
        }

        async Task AssertRangeAsync(string range, int from, int to, string? ifRange = null)
        {
            using var part = await SendAsync(HttpMethod.Get, album, range, ifRange);
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            Assert.Equal(new ContentRangeHeaderValue(from, to - 1, whole.Length), part.Content.Headers.ContentRange);
            Assert.Equal(etag, part.Headers.ETag);
            Assert.Equal(whole[from..to], await part.Content.ReadAsByteArrayAsync(Cancellation));
        }
    }

    /// <summary>As Firebase Storage hands out files: whoever has the URL has the file.</summary>
    [Fact]
    public async Task Files_of_another_server_are_packed_and_their_tokens_shown_to_nobody()
    {
        await using var files = await FileServer.StartAsync();
        await using var alone = new WebHost();
        await alone.InitializeAsync();
        await using var allowing = alone.WithWebHostBuilder(builder => builder
            .UseSetting("Outbound:PrivateHosts", files.Address.Authority)
            .UseSetting("Albums:UrlHosts", "127.0.0.1"));
        using var caller = allowing.CreateClient();
        using var requested = await caller.PostAsJsonAsync(
            "/v1/albums",
            new { weddingId = "urls", files = new object[] { new { url = files.Put("o/a.jpg", [1, 2, 3]) }, new { url = $"{files.Address}o/b.jpg?token=secret-token" } } },
            Cancellation);
        var album = requested.Headers.Location!.OriginalString;
        var progress = await caller.GetStringAsync($"{album}/progress", Cancellation);
        var log = await caller.GetStringAsync($"{album}/log", Cancellation);

        Assert.Contains("completed", progress, StringComparison.Ordinal);
        Assert.Contains("it is not at its address", log, StringComparison.Ordinal);
        Assert.Contains($"{files.Address}…", log, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-token", await requested.Content.ReadAsStringAsync(Cancellation) + progress + log, StringComparison.Ordinal);
        using var refused = await client.PostAsJsonAsync("/v1/albums", new { weddingId = "urls", files = new[] { new { url = files.Put("o/a.jpg", []) } } }, Cancellation);
        await AssertRefusedAsync(refused, 400, "INVALID_FILE");
    }

    [Fact]
    public async Task A_request_sent_twice_makes_one_album()
    {
        using var first = await RequestAsync(new { weddingId = "twice", prefix }, idempotencyKey: "key-1");
        using var second = await RequestAsync(new { weddingId = "twice", prefix }, idempotencyKey: "key-1");
        using var other = await RequestAsync(new { weddingId = "twice", prefix }, idempotencyKey: "key-2");
        Assert.Equal(first.Headers.Location, second.Headers.Location);
        Assert.NotEqual(first.Headers.Location, other.Headers.Location);
    }

    [Fact]
    public async Task An_album_of_which_every_file_is_missing_fails_and_says_so()
    {
        using var requested = await RequestAsync(new { weddingId = "gone", files = new[] { new { key = "not/there.jpg" } } });
        var album = requested.Headers.Location!.OriginalString;
        await client.GetStringAsync($"{album}/progress", Cancellation);
        var state = await client.GetFromJsonAsync<JsonElement>(album, Cancellation);
        Assert.Equal("failed", state.GetProperty("status").GetString());
        Assert.Equal("NO_FILES", state.GetProperty("failure").GetProperty("reason").GetString());

        await AssertRefusedAsync(HttpMethod.Get, $"{album}/download", 409, "ALBUM_NOT_READY");
        using var cancelled = await client.PostAsync($"{album}/cancel", null, Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, cancelled.StatusCode);
        await AssertRefusedAsync(HttpMethod.Post, $"{album}/replay", 409, "ALBUM_CANCELLED");
    }

    [Fact]
    public async Task A_complete_album_is_neither_cancelled_nor_made_again()
    {
        var album = await CompletedAlbumAsync();
        await AssertRefusedAsync(HttpMethod.Post, $"{album}/cancel", 409, "ALBUM_COMPLETED");
        using var replayed = await client.PostAsync($"{album}/replay", null, Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, replayed.StatusCode);
        Assert.Equal("completed", (await client.GetFromJsonAsync<JsonElement>(album, Cancellation)).GetProperty("status").GetString());
    }

    /// <summary>Nobody uploaded these files, so the plan did not know their CRCs: packing has found them.</summary>
    [Fact]
    public async Task An_album_whose_ZIP_was_removed_from_the_store_is_made_of_its_files_again_and_gone_without_them()
    {
        var album = await CompletedAlbumAsync();
        var zip = await client.GetByteArrayAsync($"{album}/download", Cancellation);
        var storage = host.Services.GetRequiredService<IObjectStorage>();
        await storage.DeleteAsync($"albums/{album.Split('/')[^1]}/done.zip", Cancellation);
        Assert.Equal(zip, await client.GetByteArrayAsync($"{album}/download", Cancellation));

        await storage.DeleteAsync($"{prefix}a.jpg", Cancellation);
        await AssertRefusedAsync(HttpMethod.Get, $"{album}/download", 410, "ALBUM_GONE");
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("GET", "/progress")]
    [InlineData("GET", "/log")]
    [InlineData("GET", "/download")]
    [InlineData("POST", "/replay")]
    [InlineData("POST", "/cancel")]
    public async Task An_unknown_album_is_not_found(string method, string path)
    {
        await AssertRefusedAsync(new HttpMethod(method), $"/v1/albums/{Guid.CreateVersion7()}{path}", 404, "ALBUM_NOT_FOUND");
        await AssertRefusedAsync(new HttpMethod(method), $"/v1/albums/no-id{path}", 404, "ALBUM_NOT_FOUND");
    }

    [Theory]
    [InlineData("PUT", "/v1/albums/no-id", 405, "METHOD_NOT_ALLOWED")]
    [InlineData("POST", "/v1/sites/shop/syncs/no-id/commit", 404, "SYNC_NOT_FOUND")]
    [InlineData("DELETE", "/v1/weddings/ann-bob/links/no-id", 404, "LINK_NOT_FOUND")]
    public async Task What_is_no_id_is_refused_with_a_code(string method, string path, int status, string code) =>
        await AssertRefusedAsync(new HttpMethod(method), path, status, code);

    [Theory]
    [InlineData("""{}""", 400, "INVALID_WEDDING_ID")]
    [InlineData("""{"weddingId":"nobody-uploaded"}""", 409, "ALBUM_EMPTY")]
    [InlineData("""{"weddingId":"w","files":[]}""", 409, "ALBUM_EMPTY")]
    [InlineData("""{"weddingId":"w","prefix":"nothing/here/"}""", 409, "ALBUM_EMPTY")]
    [InlineData("""{"weddingId":"w","files":[{}]}""", 400, "INVALID_FILE")]
    [InlineData("""{"weddingId":"w","files":[null]}""", 400, "INVALID_FILE")]
    [InlineData("""{"weddingId":"w","files":[{"key":"albums/x"}]}""", 400, "INVALID_FILE")]
    [InlineData("""{"weddingId":"w","files":[{"url":"http://169.254.169.254/"}]}""", 400, "INVALID_FILE")]
    [InlineData("""{"weddingId":"w","notify":{"emails":["x"]}}""", 400, "INVALID_EMAIL")]
    [InlineData("""{"weddingId":"w","notify":{"emails":[null]}}""", 400, "INVALID_EMAIL")]
    [InlineData("""{"weddingId":7}""", 400, "INVALID_REQUEST")]
    [InlineData("""{"weddingId":"w",""", 400, "INVALID_REQUEST")]
    public async Task A_wrong_request_is_refused_with_a_code(string body, int status, string code)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
            using var answer = await client.PostAsync("/v1/albums", content, Cancellation);

            // Whether a wedding has files is not known while the read model is seconds behind: such a request is accepted, after five of them.
            if (answer.StatusCode is HttpStatusCode.Accepted && attempt < 10)
            {
                continue;
            }

            await AssertRefusedAsync(answer, status, code);
            return;
        }
    }

    [Theory]
    [InlineData("weddingId=%00")]
    [InlineData("status=3")]
    [InlineData("status=nonsense")]
    [InlineData("before=nonsense")]
    public async Task A_wrong_query_is_refused_with_a_code(string query) =>
        await AssertRefusedAsync(HttpMethod.Get, $"/v1/albums?{query}", 400, "INVALID_REQUEST");

    /// <summary>No worker is there, so the album stays as it is; whoever follows it does not hold up a stop.</summary>
    [Fact]
    public async Task Progress_ends_when_the_host_stops()
    {
        await using var alone = new WebHost();
        await alone.InitializeAsync();
        await using var web = alone.WithWebHostBuilder(builder => builder.UseSetting("Roles", "web"));
        using var guest = web.CreateClient();
        using var requested = await guest.PostAsJsonAsync("/v1/albums", new { weddingId = "w", files = new[] { new { key = "a.jpg" } } }, Cancellation);
        await using var progress = await guest.GetStreamAsync($"{requested.Headers.Location}/progress", Cancellation);
        await progress.ReadExactlyAsync(new byte["event: progress".Length], Cancellation);
        web.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        await progress.CopyToAsync(Stream.Null, Cancellation).WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
    }

    private async Task<string> CompletedAlbumAsync()
    {
        using var requested = await RequestAsync(new { weddingId = "done", prefix });
        var album = requested.Headers.Location!.OriginalString;
        await client.GetStringAsync($"{album}/progress", Cancellation);
        return album;
    }

    private async Task<HttpResponseMessage> RequestAsync(object body, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/albums") { Content = JsonContent.Create(body) };
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        return await client.SendAsync(request, Cancellation);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string album, string? range = null, string? ifRange = null)
    {
        using var request = new HttpRequestMessage(method, $"{album}/download");
        request.Headers.TryAddWithoutValidation("Range", range);
        request.Headers.TryAddWithoutValidation("If-Range", ifRange);
        return await client.SendAsync(request, Cancellation);
    }

    private async Task AssertRefusedAsync(HttpMethod method, string path, int status, string code)
    {
        using var request = new HttpRequestMessage(method, path);
        using var answer = await client.SendAsync(request, Cancellation);
        await AssertRefusedAsync(answer, status, code);
    }

    private static async Task AssertRefusedAsync(HttpResponseMessage answer, int status, string code)
    {
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal(code, problem.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(status, (int)answer.StatusCode);
    }

    private static async Task<T> EventuallyAsync<T>(Func<Task<T?>> find)
        where T : class
    {
        while (true)
        {
            if (await find() is { } found)
            {
                return found;
            }

            await Task.Delay(50, Cancellation);
        }
    }
}
