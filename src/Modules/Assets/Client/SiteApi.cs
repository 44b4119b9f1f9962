using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.Events;

namespace Assets.Client;

/// <summary>The API, or the store, said no for good; <paramref name="code"/> is the API's, if it was the API.</summary>
internal sealed class SiteApiException(string code, string message, IReadOnlyList<string> missing) : Exception(message)
{
    public string Code { get; } = code;

    /// <summary>Objects that a commit found missing.</summary>
    public IReadOnlyList<string> Missing { get; } = missing;
}

/// <summary>A file has other bytes than when it was hashed.</summary>
internal sealed class FileChangedException(string path) : Exception($"{path} changed while it was sent.");

/// <summary>The calls a build server makes. What may pass is tried again; what stays gives <see cref="HttpRequestException"/>.</summary>
/// <param name="http">Its base address is that of the API.</param>
internal sealed class SiteApi(HttpClient http, string? key, string site, TimeProvider clock)
{
    private const int MostAttempts = 6;

    // Doubled after each attempt: 8 seconds in all.
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(30);

    private int failedUploads;

    /// <summary>Attempts to upload that failed, also where the next one did not.</summary>
    public int FailedUploads => Volatile.Read(ref failedUploads);

    public Task<SiteView> GetAsync(CancellationToken cancellationToken) =>
        CallAsync<SiteView>(HttpMethod.Get, "", null, cancellationToken);

    public Task<ManifestView> GetManifestAsync(int release, CancellationToken cancellationToken) =>
        CallAsync<ManifestView>(HttpMethod.Get, $"/releases/{release}/manifest", null, cancellationToken);

    public Task<SyncPlan> StartAsync(StartSync command, CancellationToken cancellationToken) =>
        CallAsync<SyncPlan>(HttpMethod.Post, "/syncs", command, cancellationToken);

    public Task<ObjectUploads> UploadsAsync(Guid syncId, IReadOnlyList<string> objects, CancellationToken cancellationToken) =>
        CallAsync<ObjectUploads>(HttpMethod.Post, $"/syncs/{syncId}/uploads", new ObjectNames(objects), cancellationToken);

    public Task<StoredObjects> StoredAsync(Guid syncId, IReadOnlyList<string> objects, CancellationToken cancellationToken) =>
        CallAsync<StoredObjects>(HttpMethod.Post, $"/syncs/{syncId}/stored", new ObjectNames(objects), cancellationToken);

    public Task<CommittedSync> CommitAsync(Guid syncId, CancellationToken cancellationToken) =>
        CallAsync<CommittedSync>(HttpMethod.Post, $"/syncs/{syncId}/commit", null, cancellationToken);

    public async Task ReportAsync(Guid syncId, ReportSync command, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(() => Request(HttpMethod.Post, $"/syncs/{syncId}/report", command), cancellationToken);
    }

    public Task<AuditReport> AuditAsync(AuditSite command, CancellationToken cancellationToken) =>
        CallAsync<AuditReport>(HttpMethod.Post, "/audit", command, cancellationToken);

    public Task<SiteView> ActivateAsync(int release, ActivateRelease command, CancellationToken cancellationToken) =>
        CallAsync<SiteView>(HttpMethod.Post, $"/releases/{release}/activate", command, cancellationToken);

    /// <exception cref="FileChangedException"/>
    public async Task PutAsync(ObjectUpload upload, ScannedFile file, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await SendAsync(() => PutRequest(upload, file), cancellationToken);
        }
        catch (Exception e) when ((e is HttpRequestException ? e.InnerException : e) is CommandRefusedException)
        {
            throw new FileChangedException(file.File.Path); // HashedBody says so, to whoever asked for its bytes
        }
        catch (SiteApiException e) when (e.Code is "OBJECT_MISMATCH" or "BadDigest" or "XAmzContentSHA256Mismatch" or "InvalidDigest")
        {
            throw new FileChangedException(file.File.Path);
        }
        catch (FileNotFoundException)
        {
            throw new FileChangedException(file.File.Path);
        }
    }

    /// <summary>Whether the bytes go through the API, which checks them as they come.</summary>
    public static bool GoesThroughApi(ObjectUpload upload) => upload.Url.StartsWith('/');

    private static HttpRequestMessage PutRequest(ObjectUpload upload, ScannedFile file)
    {
        var source = new FileStream(file.FullPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0, useAsync: false);
        var body = new StreamContent(new HashedBody(source, file.File.Sha256, file.File.SizeBytes), 128 * 1024);
        body.Headers.ContentLength = file.File.SizeBytes;
        var request = new HttpRequestMessage(HttpMethod.Put, new Uri(upload.Url, UriKind.RelativeOrAbsolute)) { Content = body };
        foreach (var (name, value) in upload.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                body.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return request;
    }

    private async Task<T> CallAsync<T>(HttpMethod method, string path, object? body, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(() => Request(method, path, body), cancellationToken);
        return await answer.Content.ReadFromJsonAsync<T>(JsonSerializerOptions.Web, cancellationToken)
            ?? throw new SiteApiException("", "The API gave an empty answer.", []);
    }

    private HttpRequestMessage Request(HttpMethod method, string path, object? body) => new(method, new Uri($"/v1/sites/{site}{path}", UriKind.Relative))
    {
        Content = body is null ? null : JsonContent.Create(body, body.GetType(), options: JsonSerializerOptions.Web),
    };

    private void CountFailure(HttpRequestMessage request)
    {
        if (request.Method == HttpMethod.Put)
        {
            Interlocked.Increment(ref failedUploads);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> create, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var request = create();
            if (!request.RequestUri!.IsAbsoluteUri && key is not null)
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            }

            TimeSpan asked = default;
            try
            {
                var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                if (answer.IsSuccessStatusCode)
                {
                    return answer;
                }

                using (answer)
                {
                    CountFailure(request);
                    asked = answer.Headers.RetryAfter?.Delta ?? default;
                    if (!MayPass(answer.StatusCode, asked))
                    {
                        throw await RefusalAsync(answer, cancellationToken);
                    }

                    if (attempt == MostAttempts)
                    {
                        throw new HttpRequestException($"{request.RequestUri.GetLeftPartOrPath()} answers {(int)answer.StatusCode}.");
                    }
                }
            }
            catch (HttpRequestException e) when (attempt < MostAttempts && e.InnerException is not CommandRefusedException)
            {
                // It was on its way, or never left: sending the same again does the work once.
                CountFailure(request);
            }

            var delay = FirstDelay * Math.Pow(2, attempt - 1) * (0.75 + (Random.Shared.NextDouble() / 2));
            await Task.Delay(asked > delay ? (asked < LongestDelay ? asked : LongestDelay) : delay, clock, cancellationToken);
        }
    }

    private static bool MayPass(HttpStatusCode status, TimeSpan asked) =>
        status is >= HttpStatusCode.InternalServerError or HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || asked > TimeSpan.Zero;

    // The API's are problem documents, the store's XML.
    private static async Task<SiteApiException> RefusalAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var text = await answer.Content.ReadAsStringAsync(cancellationToken);
        try
        {
            var problem = JsonSerializer.Deserialize<Problem>(text, JsonSerializerOptions.Web);
            if (problem?.Error is { } error)
            {
                return new SiteApiException(error.Code, error.Message, problem.Missing ?? []);
            }
        }
        catch (JsonException)
        {
            // Not the API's, or a proxy's before it.
        }

        var code = text.Split("<Code>") is [_, var rest, ..] ? rest.Split('<')[0] : "";
        return new SiteApiException(code, $"The answer was {(int)answer.StatusCode} {code}".TrimEnd() + ".", []);
    }

    private sealed record Problem(ProblemError? Error, IReadOnlyList<string>? Missing);

    private sealed record ProblemError(string Code, string Message);
}

internal static class RequestAddress
{
    /// <summary>An address without its query, which may hold a signature.</summary>
    internal static string GetLeftPartOrPath(this Uri address) =>
        address.IsAbsoluteUri ? address.GetLeftPart(UriPartial.Path) : address.OriginalString.Split('?')[0];
}
