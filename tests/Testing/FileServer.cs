using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Testing;

/// <summary>What a <see cref="FileServer"/> does wrong, once, instead of answering as it should.</summary>
public enum FileFault
{
    /// <summary>Nothing: the fault behind it in the queue is for the request after.</summary>
    None,

    /// <summary>Answers 503.</summary>
    Unavailable,

    /// <summary>Answers 429 with <c>Retry-After: 7</c>.</summary>
    TooManyRequests,

    /// <summary>Closes the connection without an answer.</summary>
    CutConnection,

    /// <summary>Announces the whole range, sends half of it and closes the connection.</summary>
    CutBody,

    /// <summary>Sends half of the range as if it had been asked for no more: legal.</summary>
    ShortRange,

    /// <summary>Sends other bytes than those asked for, and says so.</summary>
    WrongRange,

    /// <summary>Says the file were one byte longer.</summary>
    LongerThanItIs,

    /// <summary>From here on the file is another, with another ETag.</summary>
    Replaced,
}

/// <summary>
/// A web server of somebody else, as Firebase Storage is one: files with ETag, range and conditions. Its manners can be spoilt for good
/// by the properties, and once by <see cref="FailNext"/>.
/// </summary>
public sealed class FileServer : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, byte[]> files = new();
    private readonly ConcurrentQueue<FileFault> faults = new();
    private readonly ConcurrentQueue<string> requests = new();
    private readonly WebApplication app;

    private FileServer()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        app = builder.Build();
        app.Run(AnswerAsync);
    }

    public Uri Address => new(app.Urls.Single());

    /// <summary>Ranges asked for so far, in order; <c>-</c> for the whole.</summary>
    public IReadOnlyCollection<string> Requests => requests;

    public string ETag { get; set; } = "\"v1\"";

    public bool KnowsRanges { get; set; } = true;

    public bool KnowsConditions { get; set; } = true;

    /// <summary>All but ranges and conditions: further headers of the answers, or other values of them; empty ones are not sent.</summary>
    public Dictionary<string, string> Headers { get; } = [];

    /// <summary>Every answer has this status and no file.</summary>
    public int? Status { get; set; }

    public static async Task<FileServer> StartAsync()
    {
        var server = new FileServer();
        await server.app.StartAsync();
        return server;
    }

    /// <returns>The file's URL, with a token.</returns>
    public string Put(string path, byte[] bytes)
    {
        files[path] = bytes;
        return $"{Address}{path}?alt=media&token=secret-token";
    }

    public void FailNext(params FileFault[] next)
    {
        foreach (var fault in next)
        {
            faults.Enqueue(fault);
        }
    }

    /// <summary>Forgets the faults that are still to come.</summary>
    public void Recover() => faults.Clear();

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        requests.Enqueue(request.Headers.Range is { Count: > 0 } asked ? asked.ToString() : "-");
        FileFault? fault = faults.TryDequeue(out var next) ? next : null;
        if (fault is FileFault.Replaced)
        {
            ETag = "\"v2\"";
        }

        // The path as it was sent: %2F stays.
        var path = context.Features.Get<IHttpRequestFeature>()!.RawTarget.Split('?')[0][1..];
        var status = fault switch
        {
            FileFault.Unavailable => 503,
            FileFault.TooManyRequests => 429,
            _ when Status is { } always => always,
            _ when !files.ContainsKey(path) => 404,
            _ when KnowsConditions && request.Headers.IfMatch is { Count: > 0 } match && match.ToString() != ETag => 412,
            _ => 200,
        };
        if (fault is FileFault.CutConnection)
        {
            context.Abort();
        }
        else if (status == 200)
        {
            await SendAsync(context, files[path], fault);
        }
        else
        {
            response.StatusCode = status;
            response.Headers.RetryAfter = status == 429 ? "7" : default;
            SetHeaders(response);
        }
    }

    private void SetHeaders(HttpResponse response)
    {
        foreach (var (name, value) in Headers)
        {
            response.Headers[name] = value.Length == 0 ? default : new(value);
        }
    }

    private async Task SendAsync(HttpContext context, byte[] file, FileFault? fault)
    {
        var response = context.Response;
        var length = file.Length + (fault is FileFault.LongerThanItIs ? 1 : 0);
        var body = file.AsMemory();
        if (KnowsRanges && context.Request.GetTypedHeaders().Range?.Ranges.Single() is { } range)
        {
            if (range.From >= file.Length)
            {
                response.StatusCode = 416;
                response.Headers.ContentRange = $"bytes */{length}";
                return;
            }

            var (from, to) = ((int)range.From!, (int)Math.Min(range.To!.Value, file.Length - 1));
            (from, to) = fault switch
            {
                FileFault.WrongRange => (from + 1, to),
                FileFault.ShortRange => (from, from + ((to - from) / 2)),
                _ => (from, to),
            };
            body = body[from..(to + 1)];
            response.StatusCode = 206;
            response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {from}-{to}/{length}");
        }

        response.Headers.ETag = ETag;
        response.Headers.LastModified = "Sat, 20 Jun 2026 14:30:00 GMT";
        response.ContentLength = body.Length;
        SetHeaders(response);
        await response.Body.WriteAsync(fault is FileFault.CutBody ? body[..(body.Length / 2)] : body);
        if (fault is FileFault.CutBody)
        {
            await response.Body.FlushAsync();
            context.Abort();
        }
    }
}
