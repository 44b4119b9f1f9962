using System.Net;
using System.Net.Http.Headers;

namespace Demo;

/// <summary>Downloads the ZIP as a browser does: a download that stops goes on where it stopped, if it is still the same ZIP.</summary>
internal static class AlbumDownload
{
    private const int Attempts = 5;

    public static async Task DownloadAsync(HttpClient http, Uri link, string path, CancellationToken cancellationToken)
    {
        await using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0, useAsync: true);
        ProgressBar? progress = null;
        EntityTagHeaderValue? etag = null;
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    using var request = new HttpRequestMessage(HttpMethod.Get, link);
                    if (file.Position > 0)
                    {
                        request.Headers.Range = new RangeHeaderValue(file.Position, null);
                        request.Headers.IfRange = new RangeConditionHeaderValue(etag!);
                    }

                    using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                    response.EnsureSuccessStatusCode();
                    if (response.StatusCode is HttpStatusCode.OK)
                    {
                        file.SetLength(0);
                    }

                    etag = response.Headers.ETag ?? throw new DemoFailedException("The download has no ETag, so it could not be resumed.");
                    progress ??= new ProgressBar("Download", response.Content.Headers.ContentLength ?? 0);
                    await CopyAsync(await response.Content.ReadAsStreamAsync(cancellationToken), file, progress, cancellationToken);
                    progress.Finish();
                    return;
                }
                catch (Exception error) when (error is HttpRequestException { StatusCode: null } or IOException && attempt < Attempts)
                {
                    await Task.Delay(TimeSpan.FromSeconds(attempt), cancellationToken);
                }
            }
        }
        finally
        {
            progress?.Dispose();
        }
    }

    /// <summary>Opens a link as a download manager does, and checks that the answer is the range asked for of a ZIP that large.</summary>
    public static async Task OpenAsync(HttpClient http, Uri link, long sizeBytes, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, link);
        request.Headers.Range = new RangeHeaderValue(0, 3);
        using var response = await http.SendAsync(request, cancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        if (response.StatusCode is not HttpStatusCode.PartialContent || !bytes.AsSpan().SequenceEqual("PK\u0003\u0004"u8)
            || response.Content.Headers.ContentRange?.Length != sizeBytes)
        {
            throw new DemoFailedException($"{link} answers a Range with {(int)response.StatusCode} and {bytes.Length} bytes instead of the beginning of the ZIP.");
        }
    }

    private static async Task CopyAsync(Stream from, FileStream to, ProgressBar progress, CancellationToken cancellationToken)
    {
        var buffer = new byte[256 << 10];
        int read;
        while ((read = await from.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            progress.Set(to.Position);
        }
    }
}
