using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests;

/// <summary>The instant download: the ZIP before there is one, byte for byte.</summary>
public abstract class DownloadAlbumTests : IAsyncLifetime
{
    private readonly List<string> keys = [];

    private protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected AlbumWorkshop Workshop { get; private set; } = null!;

    private protected AlbumServer Server { get; private set; } = null!;

    private protected HttpClient Client => Server.Client;

    public async ValueTask InitializeAsync()
    {
        Workshop = await AlbumWorkshop.CreateAsync(await OpenStoreAsync());
        Server = await Workshop.ServeAsync();
        var random = new Random(1);
        for (var i = 0; i < 30; i++)
        {
            await UploadAsync($"photos/{i}.jpg", i == 0 ? 0 : random.Next(1, 200_000));
        }

        await UploadAsync("photos/video.mov", 9 << 20);

        async Task UploadAsync(string key, int sizeBytes)
        {
            var bytes = new byte[sizeBytes];
            random.NextBytes(bytes);
            await Workshop.UploadAsync(key, key.Split('/')[^1], bytes);
            keys.Add(key);
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Server.DisposeAsync();
        await Workshop.DisposeAsync();
    }

    /// <summary>No job ran: the first request plans the album, and every byte is computed. Afterwards it comes from the store.</summary>
    [Fact]
    public async Task An_album_is_downloaded_before_it_is_packed_and_afterwards_the_same()
    {
        var id = await RequestAsync();
        using var head = await SendAsync(HttpMethod.Head, id);
        using var before = await SendAsync(HttpMethod.Get, id);
        var zip = await before.Content.ReadAsByteArrayAsync(Cancel);
        Assert.Null((await Workshop.AlbumAsync(id)).Attempt);

        await Workshop.AttemptAsync(id);
        using var after = await SendAsync(HttpMethod.Get, id);
        using var headAfter = await SendAsync(HttpMethod.Head, id);
        Assert.Equal(SHA256.HashData(zip), SHA256.HashData(await after.Content.ReadAsByteArrayAsync(Cancel)));
        Assert.Equal(await Workshop.HashAsync(id), Convert.ToHexStringLower(SHA256.HashData(zip)));

        foreach (var answer in new[] { head, before, headAfter, after })
        {
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(HeadersOf(before), HeadersOf(answer));
        }

        Assert.Equal(zip.Length, head.Content.Headers.ContentLength);
        Assert.False(head.Headers.ETag!.IsWeak);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync(Cancel));
    }

    [Fact]
    public async Task Any_range_is_a_cut_of_the_whole_virtual_or_stored()
    {
        var id = await RequestAsync();
        var zip = await Client.GetByteArrayAsync(Url(id), Cancel);
        await AssertRangesAsync(id, zip, count: 500);
        await Workshop.AttemptAsync(id);
        await AssertRangesAsync(id, zip, count: 50);
    }

    private protected abstract Task<IObjectStorage?> OpenStoreAsync();

    private protected static string Url(Guid id) => $"/v1/albums/{id}/download";

    /// <summary>All files, and one that is not there.</summary>
    private protected Task<Guid> RequestAsync() => Workshop.RequestAsync([.. keys, "photos/gone.jpg"]);

    private protected Task<HttpResponseMessage> SendAsync(HttpMethod method, Guid id, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, Url(id));
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
    }

    private protected static string HeadersOf(HttpResponseMessage answer) => string.Join(
        '\n',
        answer.Headers.Concat(answer.Content.Headers).Where(header => header.Key != "Date").Select(header => $"{header.Key}: {string.Join(',', header.Value)}").Order());

    private async Task AssertRangesAsync(Guid id, byte[] zip, int count)
    {
        var random = new Random(2);
        await Parallel.ForEachAsync(
            Enumerable.Range(0, count).Select(_ => (From: random.Next(zip.Length), Size: random.Next(1, 300_000))).ToArray(),
            new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = Cancel },
            async (range, cancel) =>
            {
                var to = Math.Min(range.From + range.Size, zip.Length);
                using var part = await SendAsync(HttpMethod.Get, id, ("Range", $"bytes={range.From}-{to - 1}"));
                Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
                Assert.Equal(new ContentRangeHeaderValue(range.From, to - 1, zip.Length), part.Content.Headers.ContentRange);
                var bytes = await part.Content.ReadAsByteArrayAsync(cancel);
                Assert.True(zip.AsSpan(range.From..to).SequenceEqual(bytes));
            });
    }
}

/// <summary>On a real S3 server.</summary>
public sealed class DownloadAlbumOnCeph : DownloadAlbumTests
{
    private S3Options options = null!;
    private S3ObjectStorage storage = null!;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        storage.Dispose();
    }

    /// <summary>By setting, the store itself hands out complete albums; what it cannot do stays here.</summary>
    [Fact]
    public async Task A_complete_album_is_downloaded_from_the_store_where_it_is_set_so()
    {
        await using var redirecting = await Workshop.ServeAsync(storage: null, ("Albums:Download", "Redirect"));
        var id = await RequestAsync();
        var zip = await redirecting.Client.GetByteArrayAsync(Url(id), Cancel);
        await Workshop.AttemptAsync(id);

        using var redirected = await redirecting.Client.GetAsync(Url(id), Cancel);
        Assert.Equal(HttpStatusCode.TemporaryRedirect, redirected.StatusCode);
        using var store = CephServer.OpenHttp(options);
        using var stored = await store.GetAsync(redirected.Headers.Location, Cancel);
        Assert.Equal("attachment", stored.Content.Headers.ContentDisposition!.DispositionType);
        Assert.Equal(SHA256.HashData(zip), SHA256.HashData(await stored.Content.ReadAsByteArrayAsync(Cancel)));

        // A link is good for GET only, and a browser that began here knows our ETag.
        using var head = await redirecting.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, Url(id)), Cancel);
        using var resumption = new HttpRequestMessage(HttpMethod.Get, Url(id)) { Headers = { { "Range", "bytes=10-19" }, { "If-Range", head.Headers.ETag!.ToString() } } };
        using var resumed = await redirecting.Client.SendAsync(resumption, Cancel);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.PartialContent), (head.StatusCode, resumed.StatusCode));
        Assert.Equal(zip[10..20], await resumed.Content.ReadAsByteArrayAsync(Cancel));

        await Workshop.Objects.DeleteAsync((await Workshop.AlbumAsync(id)).Completed!.Key, Cancel);
        Assert.Equal(SHA256.HashData(zip), SHA256.HashData(await redirecting.Client.GetByteArrayAsync(Url(id), Cancel)));
    }

    private protected override async Task<IObjectStorage?> OpenStoreAsync()
    {
        options = await CephServer.OwnBucketAsync(); // others have files of these names, too
        return storage = new S3ObjectStorage(options, TimeProvider.System);
    }
}

/// <summary>In a folder, and all that is the same on every store.</summary>
public sealed class DownloadAlbumFromFolder : DownloadAlbumTests
{
    [Fact]
    public async Task Unpackers_accept_it()
    {
        var id = await RequestAsync();
        var path = Path.GetTempFileName();
        await File.WriteAllBytesAsync(path, await Client.GetByteArrayAsync(Url(id), Cancel), Cancel);
        Assert.Equal(0, await RunAsync("unzip", "-tqq", path));
        Assert.Equal(0, await RunAsync("python3", "-c", "import sys,zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)", path));
        File.Delete(path);
    }

    [Fact]
    public async Task Conditions_hold_before_and_after_the_album_is_complete()
    {
        var id = await RequestAsync();
        using var head = await SendAsync(HttpMethod.Head, id);
        var etag = head.Headers.ETag!.ToString();
        for (var round = 0; round < 2; round++)
        {
            await AssertAsync(HttpStatusCode.NotModified, ("If-None-Match", etag));
            await AssertAsync(HttpStatusCode.PreconditionFailed, ("If-Match", "\"other\""));
            await AssertAsync(HttpStatusCode.PartialContent, ("If-Range", etag), ("Range", "bytes=1-2"));
            await AssertAsync(HttpStatusCode.OK, ("If-Range", "\"other\""), ("Range", "bytes=1-2"));
            using var outside = await AssertAsync(HttpStatusCode.RequestedRangeNotSatisfiable, ("Range", "bytes=99999999999-"));
            Assert.Equal(head.Content.Headers.ContentLength, outside.Content.Headers.ContentRange!.Length);
            await Workshop.AttemptAsync(id);
        }

        async Task<HttpResponseMessage> AssertAsync(HttpStatusCode status, params (string, string)[] headers)
        {
            using var partOfHead = await SendAsync(HttpMethod.Head, id, headers);
            var answer = await SendAsync(HttpMethod.Get, id, headers);
            Assert.Equal((status, status), (answer.StatusCode, partOfHead.StatusCode));
            return answer;
        }
    }

    /// <summary>Nobody has seen the first file before: its CRC is found while packing.</summary>
    [Fact]
    public async Task Without_a_CRC_the_album_is_not_ready_until_the_file_is_packed()
    {
        await Workshop.PutAsync("unknown.jpg", [1, 2, 3]);
        var id = await Workshop.RequestAsync("unknown.jpg", "photos/video.mov");
        using (var refused = await SendAsync(HttpMethod.Get, id))
        {
            var problem = await refused.Content.ReadFromJsonAsync<JsonElement>(Cancel);
            Assert.Equal((HttpStatusCode.Conflict, "ALBUM_NOT_READY"), (refused.StatusCode, CodeOf(problem)));
            Assert.Equal(2, problem.GetProperty("album").GetProperty("files").GetProperty("total").GetInt32());
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        Assert.Equal(JsonValueKind.Null, (await ViewAsync(id)).GetProperty("downloadUrl").ValueKind);
        Workshop.Storage.BeforeCall = async _ =>
        {
            if ((await Workshop.AlbumAsync(id)).FilesZipped > 0)
            {
                throw new StorageException(StorageError.PartsRefused, "The test stops the attempt here.");
            }
        };
        await Assert.ThrowsAsync<StorageException>(() => Workshop.AttemptAsync(id));
        Assert.Equal(Url(id), (await ViewAsync(id)).GetProperty("downloadUrl").GetString());
        var zip = await Client.GetByteArrayAsync(Url(id), Cancel);

        Workshop.Storage.BeforeCall = null;
        await Workshop.AttemptAsync(id);
        Assert.Equal(await Workshop.HashAsync(id), Convert.ToHexStringLower(SHA256.HashData(zip)));
    }

    [Fact]
    public async Task A_cancelled_album_is_not_downloaded()
    {
        var id = await RequestAsync();
        using var cancelled = await Client.PostAsync($"/v1/albums/{id}/cancel", content: null, Cancel);
        using var refused = await SendAsync(HttpMethod.Get, id);
        Assert.Equal("ALBUM_CANCELLED", CodeOf(await refused.Content.ReadFromJsonAsync<JsonElement>(Cancel)));
    }

    [Fact]
    public async Task Downloads_that_begin_at_once_get_one_plan()
    {
        var id = await RequestAsync();
        var attempt = Workshop.AttemptAsync(id);
        var etags = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            using var answer = await SendAsync(HttpMethod.Head, id);
            return answer.Headers.ETag;
        }));
        await attempt;
        Assert.Single(etags.Distinct());
        Assert.Single((await Workshop.HistoryAsync(id)).OfType<PlanFrozen>());
    }

    /// <summary>The video is the last file: what stands before it goes out, then the connection breaks. The job goes on without it.</summary>
    [Theory]
    [InlineData("lost")]
    [InlineData("replaced")]
    [InlineData("damaged")]
    public async Task A_file_that_cannot_be_had_breaks_the_download_off_and_heals(string how)
    {
        var id = await RequestAsync();
        using var head = await SendAsync(HttpMethod.Head, id);
        await (how switch
        {
            "lost" => Workshop.Objects.DeleteAsync("photos/video.mov", Cancel),
            "replaced" => Workshop.PutAsync("photos/video.mov", new byte[9 << 20]),
            _ => Workshop.DamageAsync("photos/video.mov"),
        });

        using var broken = await SendAsync(HttpMethod.Get, id);
        Assert.Equal(HttpStatusCode.OK, broken.StatusCode);
        await Assert.ThrowsAnyAsync<Exception>(() => broken.Content.ReadAsByteArrayAsync(Cancel));
        using var again = await SendAsync(HttpMethod.Get, id);
        await Assert.ThrowsAnyAsync<Exception>(() => again.Content.ReadAsByteArrayAsync(Cancel));
        if (how != "damaged") // within the file nobody knows what its bytes should be
        {
            var inside = head.Content.Headers.ContentLength! - 4_000_000;
            using var refused = await SendAsync(HttpMethod.Get, id, ("Range", $"bytes={inside}-"));
            Assert.Equal("ALBUM_NOT_READY", CodeOf(await refused.Content.ReadFromJsonAsync<JsonElement>(Cancel)));
        }

        await Workshop.AttemptAsync(id);
        using var healed = await SendAsync(HttpMethod.Get, id, ("If-Range", head.Headers.ETag!.ToString()), ("Range", "bytes=1000-"));
        Assert.Equal(HttpStatusCode.OK, healed.StatusCode);
        Assert.NotEqual(head.Headers.ETag, healed.Headers.ETag);
        Assert.Equal(2, (await Workshop.AlbumAsync(id)).Completed!.Skipped);
        var history = await Workshop.HistoryAsync(id);
        var recorded = Assert.Single(history.OfType<DownloadBroken>());
        Assert.Equal("video.mov", recorded.Name);
        Assert.Equal(history.OfType<FileSkipped>().Single(file => file.Name == "video.mov").Reason, recorded.Reason);
    }

    /// <summary>The store lets go in the middle of the video, and when the download asks again it is another file.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_file_that_changes_while_it_streams_gives_no_wrong_byte(bool isReplaced)
    {
        var id = await RequestAsync();
        var storage = new FaultyObjectStorage(Workshop.Objects);
        await using var server = await Workshop.ServeAsync(storage);
        var zip = await server.Client.GetByteArrayAsync(Url(id), Cancel);
        var from = zip.Length - (8 << 20); // within the video, whose end is that of the ZIP but for the central directory
        storage.FailAt(1, afterEffect: true);
        storage.BeforeCall = call => call switch
        {
            2 when isReplaced => Workshop.PutAsync("photos/video.mov", new byte[9 << 20]),
            2 => Workshop.Objects.DeleteAsync("photos/video.mov", Cancel),
            _ => Task.CompletedTask,
        };
        using var request = new HttpRequestMessage(HttpMethod.Get, Url(id)) { Headers = { { "Range", $"bytes={from}-" } } };
        using var answer = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        await using var body = await answer.Content.ReadAsStreamAsync(Cancel);
        var received = new byte[zip.Length - from];
        var count = 0;
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (count < received.Length)
            {
                count += await body.ReadAtLeastAsync(received.AsMemory(count), 1, throwOnEndOfStream: true, Cancel);
            }
        });

        Assert.InRange(count, 1, (4 << 20) + 100_000); // half of what was asked for, and no byte of the other file
        Assert.True(zip.AsSpan(from, count).SequenceEqual(received.AsSpan(0, count)));
        Assert.Equal("video.mov", Assert.Single((await Workshop.HistoryAsync(id)).OfType<DownloadBroken>()).Name);
        await Workshop.AttemptAsync(id);
        Assert.Contains((await Workshop.AlbumAsync(id)).Skipped, file => file.Name == "video.mov");
    }

    /// <summary>Damage in a small file is seen before anything of it, or of the answer, goes out.</summary>
    [Fact]
    public async Task A_damaged_file_at_the_beginning_is_refused_with_a_code()
    {
        await Workshop.DamageAsync("photos/1.jpg");
        var id = await Workshop.RequestAsync("photos/1.jpg", "photos/2.jpg");
        using var refused = await SendAsync(HttpMethod.Get, id);
        Assert.Equal("ALBUM_NOT_READY", CodeOf(await refused.Content.ReadFromJsonAsync<JsonElement>(Cancel)));
    }

    /// <summary>No minimum rate applies, nothing more is read than goes out, and what was opened is closed when the client goes.</summary>
    [Fact]
    public async Task A_client_that_stops_reading_costs_nothing_and_may_come_back()
    {
        var watched = new WatchedObjectStorage(Workshop.Objects);
        await using var server = await Workshop.ServeAsync(watched);
        var keys = new List<string>();
        for (var i = 0; i < 16; i++)
        {
            await Workshop.UploadAsync($"large/{i}.mov", $"{i}.mov", RandomNumberGenerator.GetBytes(6 << 20));
            keys.Add($"large/{i}.mov");
        }

        var id = await Workshop.RequestAsync(keys);
        var whole = await server.Client.GetByteArrayAsync(Url(id), Cancel);
        Assert.Null(await server.Ended.Reader.ReadAsync(Cancel));
        Assert.Equal(0, watched.Open);

        watched.Reset();
        var answer = await server.Client.GetAsync(Url(id), HttpCompletionOption.ResponseHeadersRead, Cancel);
        var begun = new byte[100_000];
        await using (var body = await answer.Content.ReadAsStreamAsync(Cancel))
        {
            await body.ReadExactlyAsync(begun, Cancel);
        }

        answer.Dispose();
        await server.Ended.Reader.ReadAsync(Cancel);
        Assert.Equal(0, watched.Open);
        Assert.InRange(watched.BytesRead, 1, whole.Length / 2); // what fits into the sockets' buffers, and a little

        using var rest = new HttpRequestMessage(HttpMethod.Get, Url(id)) { Headers = { { "Range", $"bytes={begun.Length}-" } } };
        using var resumed = await server.Client.SendAsync(rest, Cancel);
        Assert.Equal(SHA256.HashData(whole), SHA256.HashData([.. begun, .. await resumed.Content.ReadAsByteArrayAsync(Cancel)]));
    }

    private protected override Task<IObjectStorage?> OpenStoreAsync() => Task.FromResult<IObjectStorage?>(null);

    private static string? CodeOf(JsonElement problem) => problem.GetProperty("error").GetProperty("code").GetString();

    private Task<JsonElement> ViewAsync(Guid id) => Client.GetFromJsonAsync<JsonElement>($"/v1/albums/{id}", Cancel);

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        await process.StandardOutput.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return process.ExitCode;
    }
}
