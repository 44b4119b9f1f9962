using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Platform.Storage;

namespace Testing;

/// <summary>What an <see cref="R2StrictServer"/> does wrong, once, instead of answering.</summary>
public enum R2Fault
{
    /// <summary>Answers 500 without doing anything.</summary>
    InternalError,

    /// <summary>Answers 503 SlowDown without doing anything.</summary>
    SlowDown,

    /// <summary>Closes the connection without doing anything.</summary>
    CutConnection,

    /// <summary>Does what was asked and closes the connection instead of answering.</summary>
    LostReply,

    /// <summary>Sends half of the body, then closes the connection.</summary>
    CutBody,

    /// <summary>Sends the whole object for a range of it, as HTTP allows.</summary>
    WholeObject,

    /// <summary>Sends half of the body, then nothing more.</summary>
    StalledBody,

    /// <summary>Answers 200 with an error in its body, and does nothing: AWS may, when it completes or copies.</summary>
    ErrorInBody,

    /// <summary>Does not know the upload any more: R2 aborts it after 7 days.</summary>
    NoSuchUpload,
}

/// <summary>
/// An S3 server that is as strict as Cloudflare R2 where the real servers at hand are not: equal parts of at least 5 MiB, at most 10,000; 501 to
/// aws-chunked bodies and to conditions on copies; no 100-continue; one write per key and second. Over TLS, in this process, on a
/// folder. It does not check signatures. <see cref="FailNext"/> makes it fail.
/// </summary>
public sealed class R2StrictServer : IAsyncDisposable
{
    private readonly ConcurrentQueue<(string Method, string Query, R2Fault Fault)> faults = new();
    private readonly ConcurrentQueue<string> log = new();
    private readonly WebApplication app;
    private readonly R2StrictBucket bucket;
    private readonly string folder;

    private R2StrictServer(string folder)
    {
        this.folder = folder;
        bucket = new R2StrictBucket(Path.Combine(folder, "objects"));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(CreateCertificate()));
        }).UseKestrelHttpsConfiguration();
        app = builder.Build();
        app.Run(AnswerAsync);
    }

    public S3Options Options { get; private set; } = new();

    /// <summary>Requests so far, as <c>PUT ?partNumber=1</c>.</summary>
    public IReadOnlyCollection<string> Requests => log;

    public static async Task<R2StrictServer> StartAsync()
    {
        var server = new R2StrictServer(Directory.CreateTempSubdirectory("r2-strict-").FullName);
        await server.app.StartAsync();
        server.Options = new S3Options
        {
            Endpoint = server.app.Urls.Single(),
            Bucket = "strict",
            AccessKey = "key",
            SecretKey = "secret",
            CaFile = Path.Combine(server.folder, "ca.pem"),
        };
        return server;
    }

    /// <summary>Fails the next request of that method whose query contains a word; in the order of the calls.</summary>
    public void FailNext(R2Fault fault, string method, string query = "") => faults.Enqueue((method, query, fault));

    public async ValueTask DisposeAsync()
    {
        // Stalled answers end with their clients, which are gone by now; nothing waits for them.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var request = context.Request;
        log.Enqueue($"{request.Method} {request.QueryString}");
        R2Fault? fault = null;
        if (faults.TryPeek(out var next) && next.Method == request.Method && request.QueryString.Value!.Contains(next.Query, StringComparison.Ordinal))
        {
            faults.TryDequeue(out _);
            fault = next.Fault;
        }

        try
        {
            CheckManners(request);
            switch (fault)
            {
                case R2Fault.InternalError:
                    throw new R2Refusal(500, "InternalError");
                case R2Fault.SlowDown:
                    throw new R2Refusal(503, "SlowDown");
                case R2Fault.NoSuchUpload:
                    throw new R2Refusal(404, "NoSuchUpload");
                case R2Fault.CutConnection:
                    context.Abort();
                    return;
                case R2Fault.ErrorInBody:
                    throw new R2Refusal(200, "InternalError");
                case R2Fault.WholeObject:
                    request.Headers.Range = default;
                    goto default;
                default:
                    var answer = await bucket.DoAsync(request, context.RequestAborted);
                    await SendAsync(context, answer, fault);
                    return;
            }
        }
        catch (R2Refusal refusal)
        {
            // R2 reads what it refuses, as far as the client sends it.
            await request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            context.Response.StatusCode = refusal.Status;
            if (request.Method != "HEAD")
            {
                context.Response.ContentType = "application/xml";
                await context.Response.WriteAsync($"<?xml version=\"1.0\"?><Error><Code>{refusal.Code}</Code><Message>{refusal.Code}</Message></Error>");
            }
        }
    }

    private static void CheckManners(HttpRequest request)
    {
        var headers = request.Headers;
        if (headers.Authorization.Count == 0 && !request.Query.ContainsKey("X-Amz-Signature"))
        {
            throw new R2Refusal(401, "Unauthorized");
        }

        if (headers["x-amz-content-sha256"].ToString().StartsWith("STREAMING-", StringComparison.Ordinal)
            || headers.ContentEncoding.ToString().Contains("aws-chunked", StringComparison.Ordinal)
            || headers.Keys.Any(name => name.StartsWith("x-amz-copy-source-if-", StringComparison.OrdinalIgnoreCase)))
        {
            throw new R2Refusal(501, "NotImplemented");
        }

        // R2 leaves the client waiting; this says so at once.
        if (headers.Expect.Count > 0)
        {
            throw new R2Refusal(417, "ExpectationFailed");
        }
    }

    private static async Task SendAsync(HttpContext context, R2Answer answer, R2Fault? fault)
    {
        if (fault == R2Fault.LostReply)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
        {
            context.Response.Headers[name] = value;
        }

        context.Response.ContentLength = answer.SizeBytes;
        if (answer.Body is null)
        {
            return;
        }

        await using var body = answer.Body;
        if (fault is not (R2Fault.CutBody or R2Fault.StalledBody))
        {
            await body.CopyToAsync(context.Response.Body, context.RequestAborted);
            return;
        }

        var half = new byte[answer.SizeBytes / 2];
        await body.ReadExactlyAsync(half);
        await context.Response.Body.WriteAsync(half);
        await context.Response.Body.FlushAsync();
        if (fault == R2Fault.StalledBody)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        }

        context.Abort();
    }

    private X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(Path.Combine(folder, "ca.pem"), certificate.ExportCertificatePem());
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }
}
