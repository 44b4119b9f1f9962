using System.Diagnostics;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Demo;

if (args.Any(argument => argument is "-h" or "--help"))
{
    Console.WriteLine(DemoOptions.Usage);
    return 0;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};

try
{
    await RunAsync(DemoOptions.Parse(args), stop.Token);
    return 0;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 130;
}
catch (HttpRequestException error) when (error.StatusCode is null)
{
    return Fail($"The host does not answer ({error.Message}): start it with ./run, or check --base-url.");
}
catch (Exception error) when (error is DemoFailedException or HttpRequestException or IOException or UnauthorizedAccessException)
{
    return Fail(error.Message);
}

static async Task RunAsync(DemoOptions options, CancellationToken cancellationToken)
{
    using var http = new HttpClient { BaseAddress = options.BaseUrl, Timeout = Timeout.InfiniteTimeSpan };
    var api = new Api(http);
    var weddingId = $"demo-{Guid.CreateVersion7():N}";
    var videoBytes = options.VideoMegabytes * 1_000_000L;
    Directory.CreateDirectory(options.Output);

    Say($"Making {Count(options.Photos, "photo")}, {Count(options.Videos, "video")} of {options.VideoMegabytes} MB and an empty file");
    var files = DemoFile.Wedding(options.Photos, options.Videos, videoBytes).ToArray();
    await Parallel.ForAsync(0, files.Length, cancellationToken, async (i, _) => files[i] = await files[i].MeasureAsync());
    var bytes = files.Sum(file => file.SizeBytes);

    Say($"Uploading them to {options.BaseUrl} in chunks");
    var uploading = Stopwatch.StartNew();
    var uploader = new Uploader(api, weddingId);
    using (var progress = new ProgressBar("Upload", bytes))
    {
        await uploader.UploadAsync(files, progress, cancellationToken);
        uploading.Stop();
        progress.Finish();
    }

    if (uploader.Resumed > 0)
    {
        Say($"  Cut off and sent again: {Count(uploader.Resumed, "chunk")}, one of them on purpose");
    }

    Say($"Requesting the album of wedding {weddingId}");
    var zipping = Stopwatch.StartNew();
    var album = await api.PostAsync<AlbumStatus>("v1/albums", new { weddingId, notify = new { emails = new[] { "couple@example.org" } } }, cancellationToken);
    album = await FollowAsync(api, album, cancellationToken);
    zipping.Stop();
    if (album is not { Status: "completed", DownloadUrl: { } downloadUrl, Missing: [] })
    {
        var missing = string.Join(", ", album.Missing.Select(file => $"{file.Name} ({file.Reason})"));
        throw new DemoFailedException($"Album {album.AlbumId} is {album.Status}{(missing == "" ? "" : $"; missing: {missing}")}.");
    }

    var path = Path.GetFullPath(Path.Combine(options.Output, $"album-{album.AlbumId}.zip"));
    Say($"Downloading it to {path}");
    await AlbumDownload.DownloadAsync(http, new Uri(options.BaseUrl, downloadUrl), path, cancellationToken);

    Say("Comparing every byte");
    using (var progress = new ProgressBar("Check", bytes))
    {
        await ZipCheck.CheckAsync(path, files, progress, cancellationToken);
    }

    await OpenLinkAsync(http, options.MailFolder, album.AlbumId, new FileInfo(path).Length, cancellationToken);
    Say($"All {files.Length} files arrived as they were.");
    Say("");
    var result = new
    {
        files = files.Length,
        bytes,
        uploadSeconds = Seconds(uploading),
        zipSeconds = Seconds(zipping),
        zip = path,
        album = album.AlbumId,
    };
    Say(JsonSerializer.Serialize(result, new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
}

static async Task<AlbumStatus> FollowAsync(Api api, AlbumStatus album, CancellationToken cancellationToken)
{
    using var progress = new ProgressBar("ZIP", 0);
    for (var attempt = 1; !album.IsFinal; attempt++)
    {
        try
        {
            await foreach (var now in api.FollowAsync(album.AlbumId, cancellationToken))
            {
                (album, attempt) = (now, 1);
                progress.Set(album.Bytes.Done, album.Bytes.Total);
            }
        }
        catch (Exception error) when (error is HttpRequestException { StatusCode: null } or IOException && attempt < 30)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken); // the server restarts: the album goes on by itself
        }
    }

    if (album.Status == "completed")
    {
        progress.Finish();
    }

    return album;
}

static async Task OpenLinkAsync(HttpClient http, string folder, Guid albumId, long zipBytes, CancellationToken cancellationToken)
{
    if (folder == "")
    {
        return;
    }

    var mail = await MailFolder.WaitForAsync(folder, albumId, TimeSpan.FromSeconds(15), cancellationToken)
        ?? throw new DemoFailedException($"No mail about album {albumId} came to {folder}; where the host sends it elsewhere, use --mail-folder= (empty).");
    Say($"The couple's mail in {folder}:");
    Say($"    {mail.ReplaceLineEndings("\n    ")}");
    var link = MailFolder.LinkTo(mail, albumId) ?? throw new DemoFailedException("The mail has no link to the album.");
    await AlbumDownload.OpenAsync(http, link, zipBytes, cancellationToken);
    Say($"The link opens: {link}");
}

static string Count(int count, string what) => $"{count} {what}{(count == 1 ? "" : "s")}";

static double Seconds(Stopwatch watch) => Math.Round(watch.Elapsed.TotalSeconds, 2);

static void Say(string line) => Console.WriteLine(line);

static int Fail(string reason)
{
    Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The demo failed: {reason}"));
    return 1;
}
