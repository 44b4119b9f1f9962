using System.Net;
using System.Net.Http.Headers;
using Platform.Http;
using Platform.Storage;

namespace Albums.Sources;

/// <summary>
/// Files on servers of others, such as downloads of Firebase Storage. Nothing about those servers is taken for granted: every answer must
/// be about the same version and size of the file as the first, and bytes count from where the answer says they are.
/// </summary>
internal sealed class UrlSource(OutboundHttp http, UrlOptions options, TimeProvider clock)
{
    /// <summary>
    /// Of a server that knows no ranges each part would read the file from its beginning: a large one would cost its square.
    /// </summary>
    internal const long MostBytesWithoutRanges = 64L << 20;

    // Doubled from a second, with Retry-After before it: half a minute. What takes longer is left to the job's next attempt.
    private const int Attempts = 5;

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(60);

    /// <summary>Whether files may come from there.</summary>
    internal bool Accepts(Uri url) => http.Accepts(url) && options.Has(url);

    /// <summary>Asks for the first byte: unlike HEAD this shows whether the server knows ranges, and no server forgets to answer it.</summary>
    /// <exception cref="UrlFailedException">The file cannot be packed.</exception>
    internal async Task<UrlFile> LookAsync(string url, CancellationToken cancellationToken)
    {
        using var answer = await AskAsync(url, new ByteRange(0, 1), version: null, cancellationToken);
        var file = UrlFile.Of(answer);
        return file switch
        {
            _ when file.SizeBytes > options.MaxSizeBytes => throw new UrlFailedException("it is too large to be taken from another server"),
            _ when file.SizeBytes > MostBytesWithoutRanges && answer.StatusCode is HttpStatusCode.OK =>
                throw new UrlFailedException("its server cannot send it in pieces"),
            _ => file,
        };
    }

    /// <summary>Opens a range of a file. The stream may end early; then the rest is opened anew.</summary>
    /// <param name="version">What <see cref="LookAsync"/> saw, as <paramref name="sizeBytes"/>.</param>
    /// <exception cref="UrlFailedException">It is gone, is another by now, or cannot be had at the moment. Reading throws it, too.</exception>
    internal async Task<Stream> OpenAsync(string url, ByteRange range, string version, long sizeBytes, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(url, range, version, cancellationToken);
        try
        {
            var file = UrlFile.Of(answer);
            if (file.Version != version || file.SizeBytes != sizeBytes)
            {
                throw UrlFailedException.Changed();
            }

            var skipBytes = range.OffsetBytes - file.OffsetBytes;
            if (skipBytes is < 0 or > MostBytesWithoutRanges)
            {
                throw new UrlFailedException("its server sends other bytes than it was asked for", mayComeBack: true);
            }

            return new UrlStream(answer, skipBytes, range.SizeBytes, clock);
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    private async Task<HttpResponseMessage> AskAsync(string url, ByteRange range, string? version, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var request = Request(url, range, version);
            var pause = TimeSpan.FromSeconds(Math.Pow(2, attempt - 1) * (0.75 + (Random.Shared.NextDouble() / 2)));
            try
            {
                var answer = await http.SendAsync(request, options.Has, cancellationToken);
                if (answer.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError))
                {
                    return answer;
                }

                var wish = answer.Headers.RetryAfter is { } after ? after.Delta ?? after.Date - clock.GetUtcNow() : null;
                pause = wish > pause ? wish.Value : pause;
                answer.Dispose();
            }
            catch (HttpRequestException) when (attempt < Attempts)
            {
            }
            catch (HttpRequestException)
            {
                throw new UrlFailedException("its server does not answer", mayComeBack: true);
            }
            catch (OutboundRefusedException)
            {
                throw new UrlFailedException("its address leads where no file may come from");
            }

            if (attempt == Attempts || pause > LongestPause)
            {
                throw new UrlFailedException("its server is overloaded", mayComeBack: true);
            }

            await Task.Delay(pause, clock, cancellationToken);
        }
    }

    private static HttpRequestMessage Request(string url, ByteRange range, string? version)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Range = new RangeHeaderValue(range.OffsetBytes, range.EndBytes - 1);
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));

        // A weak ETag never matches (RFC 9110 §13.1.1); that of the answer is compared anyway.
        if (version is ['"', ..])
        {
            request.Headers.IfMatch.Add(new EntityTagHeaderValue(version));
        }

        return request;
    }
}
