using Microsoft.AspNetCore.Http;
using Platform.Storage;

namespace Testing;

/// <summary>
/// An S3 server that is as strict as Cloudflare R2 where the real servers at hand are not: equal parts of at least 5 MiB, at most 10,000; 501 to
/// aws-chunked bodies and to conditions on copies; no 100-continue; one write per key and second. Over TLS, in this process, on a
/// folder. It does not check signatures. An <see cref="S3FaultProxy"/> before it makes it fail.
/// </summary>
public sealed class R2StrictServer : IAsyncDisposable
{
    private LoopbackTlsServer server = null!;
    private R2StrictBucket bucket = null!;

    private R2StrictServer()
    {
    }

    public S3Options Options { get; private set; } = new();

    /// <param name="clock">By which the pause between two writes of a key passes.</param>
    public static async Task<R2StrictServer> StartAsync(TimeProvider? clock = null)
    {
        var strict = new R2StrictServer();
        strict.server = await LoopbackTlsServer.StartAsync(strict.AnswerAsync);
        strict.bucket = new R2StrictBucket(Path.Combine(strict.server.Folder, "objects"), clock ?? TimeProvider.System);
        strict.Options = new S3Options
        {
            Endpoint = strict.server.Url,
            Bucket = "strict",
            AccessKey = "key",
            SecretKey = "secret",
            CaFile = strict.server.CaFile,
        };
        return strict;
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var request = context.Request;
        try
        {
            CheckManners(request);
            await SendAsync(context, await bucket.DoAsync(request, context.RequestAborted));
        }
        catch (R2Refusal refusal)
        {
            // R2 reads what it refuses, as far as the client sends it.
            await request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            context.Response.StatusCode = refusal.Status;
            if (request.Method != "HEAD")
            {
                var error = $"""<?xml version="1.0"?><Error><Code>{refusal.Code}</Code><Message>{refusal.Code}</Message></Error>""";
                context.Response.ContentType = "application/xml";
                context.Response.ContentLength = error.Length; // without it the SDK does not read the code
                await context.Response.WriteAsync(error);
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

    private static async Task SendAsync(HttpContext context, R2Answer answer)
    {
        context.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
        {
            context.Response.Headers[name] = value;
        }

        context.Response.ContentLength = answer.SizeBytes;
        if (answer.Body is { } body)
        {
            await using (body)
            {
                await body.CopyToAsync(context.Response.Body, context.RequestAborted);
            }
        }
    }
}
