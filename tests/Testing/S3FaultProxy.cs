using System.Collections.Concurrent;
using System.Net;
using System.Xml.Linq;
using Amazon.S3.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Platform.Storage;

namespace Testing;

/// <summary>One request as an <see cref="S3FaultProxy"/> saw it.</summary>
/// <param name="Key">Of the object; empty for a listing.</param>
public sealed record S3Call(S3Operation Operation, string Key, string Query)
{
    internal static S3Call Of(HttpRequest request)
    {
        // The path as it was sent: the framework leaves %2F as it is.
        var path = request.HttpContext.Features.Get<IHttpRequestFeature>()!.RawTarget.Split('?')[0].Split('/', 3);
        return new(StoreFaults.OperationOf(request), Uri.UnescapeDataString(path.ElementAtOrDefault(2) ?? ""), request.QueryString.Value ?? "");
    }
}

/// <summary>
/// Stands before an S3 server, over TLS, and passes on what it is asked but for what it is told to do wrong. Signatures stay valid: the
/// server sees the host name that the client signed.
/// </summary>
public sealed class S3FaultProxy : IAsyncDisposable
{
    private readonly ConcurrentQueue<S3Call> calls = new();
    private readonly ConcurrentQueue<StoreFault> faults = new();
    private readonly ConcurrentDictionary<string, long> bytesRead = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<Task> late = new();
    private readonly S3Options behind;
    private readonly HttpClient http;
    private readonly S3Client own;
    private LoopbackTlsServer server = null!;
    private Func<S3Call, StoreFault?> choose = _ => null;
    private int parts;

    private S3FaultProxy(S3Options behind)
    {
        this.behind = behind;
        http = CephServer.OpenHttp(behind);
        own = new S3Client(behind);
    }

    /// <summary>The bucket as seen through the proxy, for a client of little patience.</summary>
    public S3Options Options => OptionsOf(TimeSpan.FromSeconds(30));

    /// <summary>Requests so far.</summary>
    public IReadOnlyCollection<S3Call> Calls => calls;

    /// <summary>What went wrong so far.</summary>
    public IReadOnlyCollection<StoreFault> Faults => faults;

    /// <summary>How long each request takes longer.</summary>
    public Func<TimeSpan> Latency { get; set; } = () => TimeSpan.Zero;

    /// <summary>How many parts are taken at a time: who brings one more hears SlowDown.</summary>
    public int MostParts { get; set; } = int.MaxValue;

    /// <summary>Bytes that were sent to clients of all objects whose keys begin so.</summary>
    public long BytesRead(string prefix) => bytesRead.Where(read => read.Key.StartsWith(prefix, StringComparison.Ordinal)).Sum(read => read.Value);

    /// <summary>The bucket as seen through the proxy, for a client of that patience, by its own clock.</summary>
    public S3Options OptionsOf(TimeSpan stallLimit) => behind with { Endpoint = server.Url, CaFile = server.CaFile, StallLimit = stallLimit };

    public static async Task<S3FaultProxy> StartAsync(S3Options behind)
    {
        var proxy = new S3FaultProxy(behind);
        proxy.server = await LoopbackTlsServer.StartAsync(proxy.AnswerAsync);
        return proxy;
    }

    /// <summary>From now on asks, for each request, what to do wrong.</summary>
    public void Disturb(Func<S3Call, StoreFault?> choose) => this.choose = choose;

    /// <summary>From now on meets one request in <paramref name="oneIn"/> with a fault out of all that it can meet; the same ones for the same seed.</summary>
    /// <param name="except">Faults that are left out.</param>
    public void Disturb(int seed, int oneIn, params StoreFault[] except)
    {
        var random = new Random(seed * 7919); // neighbours begin alike otherwise
        choose = call =>
        {
            lock (random)
            {
                var faults = StoreFaults.Of(call.Operation).Except(except).ToArray();
                return random.Next(oneIn) == 0 ? faults[random.Next(faults.Length)] : null;
            }
        };
    }

    /// <summary>Does something wrong with the next requests of that kind, in the order given.</summary>
    public void FailNext(S3Operation operation, params IEnumerable<StoreFault> faults)
    {
        var before = choose;
        var queue = new ConcurrentQueue<StoreFault>(faults);
        choose = call => before(call) ?? (call.Operation == operation && queue.TryDequeue(out var fault) ? fault : null);
    }

    /// <summary>Nothing goes wrong any more.</summary>
    public Task CalmAsync()
    {
        choose = _ => null;
        return SettleAsync();
    }

    /// <summary>Returns once whatever was on a detour has arrived.</summary>
    public async Task SettleAsync()
    {
        while (late.TryDequeue(out var detour))
        {
            await detour;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await CalmAsync();
        await server.DisposeAsync();
        http.Dispose();
        own.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var call = S3Call.Of(context.Request);
        calls.Enqueue(call);
        var isPart = call.Operation is S3Operation.PutPart or S3Operation.CopyPart;
        var fault = isPart && Interlocked.Increment(ref parts) > MostParts ? StoreFault.SlowDown : choose(call);
        if (fault is { } wrong)
        {
            faults.Enqueue(wrong);
        }

        try
        {
            await Task.Delay(Latency(), context.RequestAborted);
            await AnswerAsync(context, call, fault);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            context.Abort();
        }
        finally
        {
            _ = isPart ? Interlocked.Decrement(ref parts) : 0;
        }
    }

    private async Task AnswerAsync(HttpContext context, S3Call call, StoreFault? fault)
    {
        switch (fault)
        {
            case StoreFault.InternalError:
                await RefuseAsync(context, 500, "InternalError");
                break;
            case StoreFault.ServiceUnavailable:
                await RefuseAsync(context, 503, "ServiceUnavailable");
                break;
            case StoreFault.SlowDown:
                await RefuseAsync(context, 503, "SlowDown");
                break;
            case StoreFault.TooManyRequests:
                context.Response.Headers.RetryAfter = "1";
                await RefuseAsync(context, 429, "TooManyRequests");
                break;
            case StoreFault.ErrorInBody:
                await RefuseAsync(context, 200, "InternalError");
                break;
            case StoreFault.CutConnection:
                context.Abort();
                break;
            case StoreFault.CutRequest or StoreFault.StalledRequest:
                var half = new HalfStream(context.Request.Body, (context.Request.ContentLength ?? 0) / 2, fault == StoreFault.StalledRequest);
                (await SendAsync(context.Request, new StreamContent(half), context.RequestAborted)).Dispose();
                break;
            case StoreFault.Repeated or StoreFault.RepeatedLate:
                await RepeatAsync(context, call, isLate: fault == StoreFault.RepeatedLate);
                break;
            case StoreFault.EmptyCopy:
                var target = Target(call, context.Request);
                var empty = await own.UploadPartAsync(new UploadPartRequest
                {
                    BucketName = target.Bucket,
                    Key = target.Key,
                    UploadId = target.UploadId,
                    PartNumber = int.Parse(context.Request.Query["partNumber"].ToString(), null),
                    InputStream = new MemoryStream(),
                    DisablePayloadSigning = true,
                    UseChunkEncoding = false,
                });
                context.Response.Headers.ETag = empty.ETag;
                break;
            case StoreFault.ShortPage or StoreFault.PageWithoutNext:
                await WriteXmlAsync(context, call.Operation == S3Operation.List
                    ? await ListAsync(context.Request, fault == StoreFault.ShortPage)
                    : await ListPartsAsync(call, context.Request, fault == StoreFault.ShortPage));
                break;
            case StoreFault.WholeObject:
                using (var whole = await own.GetObjectAsync(behind.Bucket, call.Key))
                {
                    context.Response.Headers.ETag = whole.ETag;
                    context.Response.ContentLength = whole.ContentLength;
                    await whole.ResponseStream.CopyToAsync(context.Response.Body, context.RequestAborted);
                }

                break;
            case StoreFault.UploadAborted:
                var (bucket, key, uploadId) = Target(call, context.Request);
                await own.AbortMultipartUploadAsync(bucket, key, uploadId);
                goto default;
            default:
                using (var answer = await SendAsync(context.Request, Content(context.Request.Body), context.RequestAborted))
                {
                    await ReplyAsync(context, call, answer, fault);
                }

                break;
        }
    }

    private async Task RepeatAsync(HttpContext context, S3Call call, bool isLate)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var request = context.Request;
        var again = Request(request, Content(new MemoryStream(body.ToArray())));
        if (!isLate)
        {
            (await SendAsync(request, Content(new MemoryStream(body.ToArray())), default)).Dispose();
        }

        // Known before the client hears anything: it may have come to its end, and wait for detours, while this thread stands still. What only reads
        // waits for no answer, which may lie half read.
        var answered = new TaskCompletionSource<bool>();
        if (isLate)
        {
            late.Enqueue(DetourAsync(again, call.Operation is S3Operation.Get ? Task.FromResult(true) : answered.Task));
        }

        var isAnswered = false;
        try
        {
            using var answer = await (isLate ? SendAsync(request, Content(new MemoryStream(body.ToArray())), default) : http.SendAsync(again));
            await ReplyAsync(context, call, answer, fault: null);
            isAnswered = true;
        }
        finally
        {
            answered.SetResult(isAnswered);
        }
    }

    private async Task DetourAsync(HttpRequestMessage request, Task<bool> answered)
    {
        using (request)
        {
            if (await answered)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(200)));
                (await http.SendAsync(request)).Dispose();
            }
        }
    }

    private async Task ReplyAsync(HttpContext context, S3Call call, HttpResponseMessage answer, StoreFault? fault)
    {
        if (fault is StoreFault.LostReply or StoreFault.ErrorAfterEffect && !answer.IsSuccessStatusCode)
        {
            fault = null; // there was no effect
        }

        if (fault == StoreFault.LostReply)
        {
            context.Abort();
            return;
        }

        if (fault == StoreFault.ErrorAfterEffect)
        {
            await RefuseAsync(context, 200, "InternalError");
            return;
        }

        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers).Where(header => header.Key is not ("Transfer-Encoding" or "Connection")))
        {
            context.Response.Headers[name] = values.ToArray();
        }

        if (context.Request.Method == "HEAD")
        {
            return;
        }

        await using var body = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
        if (fault is null)
        {
            await PassOnAsync(body);
            return;
        }

        using var bytes = new MemoryStream();
        await body.CopyToAsync(bytes, context.RequestAborted);
        var half = bytes.GetBuffer().AsMemory(0, (int)bytes.Length / 2);
        context.Response.ContentLength = fault == StoreFault.HalfAnAnswer ? half.Length : bytes.Length;
        using (var halfStream = new MemoryStream(half.ToArray()))
        {
            await PassOnAsync(halfStream);
        }

        await context.Response.Body.FlushAsync(context.RequestAborted);
        if (fault == StoreFault.StalledReply)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted);
        }
        else if (fault == StoreFault.CutReply)
        {
            context.Abort();
        }

        async Task PassOnAsync(Stream source)
        {
            var buffer = new byte[64 * 1024];
            while (await source.ReadAsync(buffer, context.RequestAborted) is > 0 and var count)
            {
                if (call.Operation == S3Operation.Get)
                {
                    bytesRead.AddOrUpdate(call.Key, count, (_, before) => before + count);
                }

                await context.Response.Body.WriteAsync(buffer.AsMemory(0, count), context.RequestAborted);
            }
        }
    }

    private async Task<XElement> ListAsync(HttpRequest request, bool saysWhereTheNextBegins)
    {
        var page = await own.ListObjectsV2Async(new ListObjectsV2Request
        {
            BucketName = behind.Bucket,
            Prefix = request.Query["prefix"],
            ContinuationToken = request.Query["continuation-token"],
            MaxKeys = 2,
        });
        return new XElement(
            "ListBucketResult",
            new XElement("IsTruncated", !saysWhereTheNextBegins || page.IsTruncated == true),
            page.IsTruncated == true && saysWhereTheNextBegins ? new XElement("NextContinuationToken", page.NextContinuationToken) : null,
            (page.S3Objects ?? []).Select(found => new XElement(
                "Contents",
                new XElement("Key", found.Key),
                new XElement("Size", found.Size),
                new XElement("ETag", found.ETag),
                new XElement("LastModified", found.LastModified?.ToUniversalTime()))));
    }

    private async Task<XElement> ListPartsAsync(S3Call call, HttpRequest request, bool saysWhereTheNextBegins)
    {
        var (bucket, key, uploadId) = Target(call, request);
        var marker = request.Query["part-number-marker"].ToString();
        var page = await own.ListPartsAsync(new ListPartsRequest
        {
            BucketName = bucket,
            Key = key,
            UploadId = uploadId,
            PartNumberMarker = marker.Length > 0 ? marker : null,
            MaxParts = 2,
        });
        return new XElement(
            "ListPartsResult",
            new XElement("IsTruncated", !saysWhereTheNextBegins || page.IsTruncated == true),
            saysWhereTheNextBegins ? new XElement("NextPartNumberMarker", page.NextPartNumberMarker) : null,
            (page.Parts ?? []).Select(part => new XElement(
                "Part", new XElement("PartNumber", part.PartNumber), new XElement("ETag", part.ETag), new XElement("Size", part.Size))));
    }

    private (string Bucket, string Key, string UploadId) Target(S3Call call, HttpRequest request) =>
        (behind.Bucket, call.Key, request.Query["uploadId"].ToString());

    private Task<HttpResponseMessage> SendAsync(HttpRequest request, HttpContent? body, CancellationToken cancellationToken) =>
        http.SendAsync(Request(request, body), HttpCompletionOption.ResponseHeadersRead, cancellationToken);

    private HttpRequestMessage Request(HttpRequest request, HttpContent? body)
    {
        var target = request.HttpContext.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var uri = new Uri(behind.Endpoint!.TrimEnd('/') + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var sent = new HttpRequestMessage(new HttpMethod(request.Method), uri) { Version = HttpVersion.Version11 };
        sent.Content = request.ContentLength is null ? null : body;
        foreach (var (name, values) in request.Headers)
        {
            if (!sent.Headers.TryAddWithoutValidation(name, values.ToArray()))
            {
                sent.Content?.Headers.TryAddWithoutValidation(name, values.ToArray());
            }
        }

        return sent;
    }

    private static StreamContent Content(Stream body) => new(body);

    private static async Task RefuseAsync(HttpContext context, int status, string code)
    {
        // Stores read what they refuse, as far as the client sends it.
        await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
        context.Response.StatusCode = status;
        if (context.Request.Method != "HEAD")
        {
            await WriteXmlAsync(context, new XElement("Error", new XElement("Code", code), new XElement("Message", code)));
        }
    }

    private static Task WriteXmlAsync(HttpContext context, XElement xml)
    {
        var text = $"""<?xml version="1.0"?>{xml.ToString(SaveOptions.DisableFormatting)}""";
        context.Response.ContentType = "application/xml";
        context.Response.ContentLength = text.Length; // without it the SDK does not read the code of an error
        return context.Response.WriteAsync(text);
    }

    /// <summary>Gives half of a body, and then breaks, or waits until its reader loses patience.</summary>
    private sealed class HalfStream(Stream body, long left, bool stalls) : ReadOnlyStream
    {
        private long left = left;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (left == 0)
            {
                await Task.Delay(stalls ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, cancellationToken);
                throw new IOException("The test cut this request.");
            }

            var read = await body.ReadAsync(buffer[..(int)Math.Min(buffer.Length, left)], cancellationToken);
            left -= read;
            return read;
        }
    }
}
