using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Xml;
using Amazon.Runtime;
using Amazon.Runtime.Internal;

namespace Platform.Storage;

/// <summary>What the answers of S3 stores mean, and which are worth another try.</summary>
/// <param name="stallLimit">How long the store may keep us waiting.</param>
internal sealed class S3Faults(TimeSpan stallLimit, TimeProvider clock)
{
    private const int Attempts = 5;

    // Doubled after each attempt: 3 s in all, so that R2's one write per second and key fits in.
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);

    // A store that wants to be left alone for longer is not there, as far as whoever waits for it is concerned.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(10);

    private long throttled;

    /// <summary>Answers so far that asked for fewer requests.</summary>
    public long Throttled => Interlocked.Read(ref throttled);

    /// <summary>Calls the store, again where that may help, and says in our terms what went wrong.</summary>
    /// <param name="what">Whom it is about, for messages: a key or a bucket.</param>
    /// <param name="call">One attempt; it knows its number, from 1.</param>
    public async Task<T> CallAsync<T>(
        string what, S3Body? body, Func<int, CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var timer = new StallTimer(stallLimit, clock, cancellationToken);
            TimeSpan asked;
            try
            {
                if (body is not null)
                {
                    body.Timer = timer;
                    body.Position = 0;
                }

                return await call(attempt, timer.Token);
            }
            catch (Exception e) when (e is not StorageException)
            {
                Interlocked.Add(ref throttled, IsThrottling(e) ? 1 : 0);
                body?.ThrowFault();
                cancellationToken.ThrowIfCancellationRequested();
                if (!(timer.HasFired || IsTransient(e)) || attempt == Attempts || body is { IsRepeatable: false })
                {
                    throw Translate(what, e);
                }

                asked = RetryAfter(e);
            }

            await DelayAsync(attempt, asked, clock, cancellationToken);
        }
    }

    /// <summary>Waits before the attempt after this one; spread, so that many callers do not come back at once.</summary>
    /// <param name="asked">What the store asks for at least.</param>
    public static Task DelayAsync(int attempt, TimeSpan asked, TimeProvider clock, CancellationToken cancellationToken)
    {
        var spread = 0.75 + (Random.Shared.NextDouble() / 2);
        var delay = FirstDelay * Math.Pow(2, attempt - 1) * spread;
        return Task.Delay(delay > asked ? delay : (asked < LongestDelay ? asked : LongestDelay) * Math.Max(spread, 1), clock, cancellationToken);
    }

    public static bool IsTransient(Exception e) => e switch
    {
        AmazonServiceException { StatusCode: HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout } => true,
        AmazonServiceException { StatusCode: HttpStatusCode.NotImplemented } => false,

        // Half an answer.
        AmazonUnmarshallingException or XmlException => true,
        AmazonServiceException { StatusCode: >= HttpStatusCode.InternalServerError } => true,

        // Also in the body of a 200 (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).
        AmazonServiceException { ErrorCode: "InternalError" or "SlowDown" or "ServiceUnavailable" or "RequestTimeout" } => true,

        // A TimeoutException is what the SDK makes of a connection that nobody answers.
        HttpRequestException or IOException or SocketException or TimeoutException => true,
        { InnerException: { } inner } => IsTransient(inner),
        _ => false,
    };

    private static bool IsThrottling(Exception e) =>
        e is AmazonServiceException { StatusCode: HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable } or AmazonServiceException { ErrorCode: "SlowDown" };

    // RFC 9110 §10.2.3; of its two forms stores use the seconds.
    private static TimeSpan RetryAfter(Exception e) =>
        e.InnerException is HttpErrorResponseException { Response: { } answer }
        && int.TryParse(answer.GetHeaderValue("Retry-After"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds)
            : TimeSpan.Zero;

    public static StorageException Translate(string what, Exception e)
    {
        var answer = e as AmazonServiceException;
        var error = (answer?.ErrorCode, answer?.StatusCode) switch
        {
            ("NoSuchUpload", _) => StorageError.MultipartNotFound,
            ("NoSuchKey" or "NotFound", _) => StorageError.NotFound,
            (_, HttpStatusCode.PreconditionFailed or HttpStatusCode.RequestedRangeNotSatisfiable) => StorageError.PreconditionFailed,
            ("InvalidPart" or "InvalidPartOrder" or "EntityTooSmall" or "MalformedXML", _) => StorageError.PartsRefused,
            ("KeyTooLongError", _) => StorageError.InvalidKey,
            ("IncompleteBody", _) => StorageError.BodySizeMismatch,
            _ => StorageError.Unavailable,
        };
        return new StorageException(error, $"{what}: {(answer is null ? e.Message : $"{(int)answer.StatusCode} {answer.ErrorCode} {answer.Message}")}", e);
    }
}
