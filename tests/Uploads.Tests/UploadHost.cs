using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Events;
using Platform.Http;
using Platform.Storage;
using Testing;
using Xunit;

namespace Uploads.Tests;

/// <summary>One node: a real Kestrel on a free port with nothing but uploads. Several on one database and store are a cluster.</summary>
internal sealed class UploadHost : IAsyncDisposable
{
    /// <summary>The one that may call from a browser.</summary>
    public const string Origin = "https://wedding.example";

    private readonly WebApplication app;

    private UploadHost(WebApplication app, TakenBytes taken)
    {
        (this.app, Taken) = (app, taken);
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public HttpClient Client { get; }

    public TakenBytes Taken { get; }

    public EventStore Events => app.Services.GetRequiredService<EventStore>();

    public ExpireUploads Sweep => app.Services.GetServices<Microsoft.Extensions.Hosting.IHostedService>().OfType<ExpireUploads>().Single();

    /// <summary>What the job does that a host with jobs runs by itself.</summary>
    public Task VerifyAsync(Guid id) => app.Services.GetRequiredService<VerifyUploadHandler>().RunAsync(new VerifyUpload(id), Cancellation);

    public DiscardOrphans Orphans => ActivatorUtilities.CreateInstance<DiscardOrphans>(app.Services);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <param name="endsSleepers">Whether Kestrel gives up on clients that send too slowly.</param>
    public static async Task<UploadHost> StartAsync(
        string connectionString, IObjectStorage storage, TimeProvider? clock = null, bool work = true, bool endsSleepers = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        if (!endsSleepers)
        {
            // Tests leave requests hanging, and the machine may be busy with others for longer than Kestrel's five seconds.
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MinRequestBodyDataRate = null);
        }

        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Configuration["Cors:Origins"] = Origin;
        builder.Services.AddSingleton(clock ?? TimeProvider.System);
        builder.Services.AddHttp(builder.Configuration);
        builder.Services.AddEvents(connectionString, work);
        builder.Services.AddSingleton(storage);
        builder.Services.AddUploads(builder.Configuration, work);

        // Tests share a bucket, but each has a database of its own: to a node whose clock is ahead, the uploads of all others are orphans.
        foreach (var sweep in builder.Services.Where(service => service.ImplementationType == typeof(DiscardOrphans)).ToArray())
        {
            builder.Services.Remove(sweep);
        }

        var app = builder.Build();
        var taken = new TakenBytes();
        app.Use(taken.CountAsync);
        app.UseHttp();
        app.MapUploads();
        await app.StartAsync(Cancellation);
        return new UploadHost(app, taken);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.DisposeAsync();
    }

    /// <summary>As SIGTERM does.</summary>
    public Task StopAsync() => app.StopAsync(Cancellation);

    public Task<HttpResponseMessage> PostInitAsync(
        long sizeBytes, long? chunkSizeBytes = null, string fileName = "a.txt", string contentType = "text/plain", string? weddingId = null) =>
        PostAsync("/v1/uploads/init", new InitiateUpload(fileName, contentType, sizeBytes, "member", "u1", weddingId, chunkSizeBytes));

    /// <summary>Begins an upload that must be taken.</summary>
    public async Task<JsonElement> InitAsync(
        long sizeBytes, long? chunkSizeBytes = null, string fileName = "a.txt", string contentType = "text/plain", string? weddingId = null) =>
        await ReadAsync(await PostInitAsync(sizeBytes, chunkSizeBytes, fileName, contentType, weddingId), 201);

    public Task<HttpResponseMessage> PostAsync(string path, object body) => Client.PostAsJsonAsync(path, body, Cancellation);

    public async Task<HttpResponseMessage> PutChunkAsync(
        Guid id, object? index, HttpContent body, string? header = null, string? value = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, $"/v1/uploads/{id}/chunk") { Content = body };
        if (index is not null)
        {
            request.Headers.Add("X-Chunk-Index", index.ToString());
        }

        if (header is not null)
        {
            request.Headers.Add(header, value);
        }

        return await Client.SendAsync(request, Cancellation);
    }

    /// <summary>Sends bytes as they are, and reads the answer until the server closes.</summary>
    public async Task<JsonElement> SendRawAsync(int status, string head, params IEnumerable<byte[]> body)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", Client.BaseAddress!.Port, Cancellation);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.ReplaceLineEndings("\r\n")), Cancellation);
        foreach (var piece in body)
        {
            await stream.WriteAsync(piece, Cancellation);
        }

        using var reader = new StreamReader(stream);
        var text = await reader.ReadToEndAsync(Cancellation);
        Assert.StartsWith($"HTTP/1.1 {status} ", text, StringComparison.Ordinal);
        return JsonDocument.Parse(text[text.IndexOf('{')..(text.LastIndexOf('}') + 1)]).RootElement;
    }

    /// <summary>Sends a chunk that must be taken, and returns its ETag.</summary>
    public async Task<string> SendAsync(Guid id, int index, byte[] bytes)
    {
        var chunk = await ReadAsync(await PutChunkAsync(id, index, new ByteArrayContent(bytes)), 200);
        Assert.Equal(index, chunk.GetProperty("chunkIndex").GetInt32());
        Assert.Equal(Crc32.Append(0, bytes).ToString("x8"), chunk.GetProperty("crc32").GetString());
        return chunk.GetProperty("etag").GetString()!;
    }

    public Task<HttpResponseMessage> CompleteAsync(Guid id, params IEnumerable<string> etags) =>
        PostAsync($"/v1/uploads/{id}/complete", new { parts = etags.Select((etag, chunkIndex) => new { chunkIndex, etag }) });

    public async Task<JsonElement> StatusAsync(Guid id) => await ReadAsync(await Client.GetAsync($"/v1/uploads/{id}", Cancellation), 200);

    public async Task<IReadOnlyList<string>> HistoryAsync(Guid id) =>
        await Events.ReadAsync($"upload-{id}", 1, Cancellation).Select(e => e.Type).ToListAsync(Cancellation);

    public static async Task<JsonElement> ReadAsync(HttpResponseMessage answer, int status)
    {
        using (answer)
        {
            var text = await answer.Content.ReadAsStringAsync(Cancellation);
            Assert.True((HttpStatusCode)status == answer.StatusCode, $"{(int)answer.StatusCode} instead of {status}: {text}");
            return JsonDocument.Parse(text).RootElement;
        }
    }

    public static async Task<JsonElement> RefusedAsync(HttpResponseMessage answer, int status, string code)
    {
        var mediaType = answer.Content.Headers.ContentType?.MediaType;
        var problem = await ReadAsync(answer, status);
        var error = problem.GetProperty("error");
        Assert.Equal(code, error.GetProperty("code").GetString());
        Assert.Equal("application/problem+json", mediaType);
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.Equal(problem.GetProperty("detail").GetString(), error.GetProperty("message").GetString());
        Assert.Equal(JsonValueKind.String, error.GetProperty("timestamp").ValueKind);
        return problem;
    }
}

internal static class UploadJson
{
    public static Guid Id(this JsonElement upload) => upload.GetProperty("uploadId").GetGuid();

    public static string Key(this JsonElement upload) => upload.GetProperty("key").GetString()!;

    public static int[] Ints(this JsonElement json, string name) =>
        [.. json.GetProperty(name).EnumerateArray().Select(item => item.GetInt32())];
}

/// <summary>A node with a database and a store of its own, for one test class.</summary>
public abstract class UploadNode : IAsyncLifetime
{
    private TestDatabase database = null!;

    internal ShiftedClock Clock { get; } = new();

    internal IObjectStorage Storage { get; private set; } = null!;

    internal UploadHost Host { get; private set; } = null!;

    internal string ConnectionString => database.ConnectionString;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        Storage = await OpenStorageAsync();
        Host = await UploadHost.StartAsync(ConnectionString, Storage, Clock);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Whether clients can send parts to the store themselves.</summary>
    public virtual bool HasLinks => false;

    /// <summary>A client that follows links, to the store where it has some.</summary>
    public virtual Task<HttpClient> OpenHttpAsync() => Task.FromResult(new HttpClient());

    public async Task<byte[]> StoredAsync(string key)
    {
        await using var stored = await Storage.ReadAsync(key, null, null, TestContext.Current.CancellationToken);
        var bytes = new MemoryStream();
        await stored.CopyToAsync(bytes, TestContext.Current.CancellationToken);
        return bytes.ToArray();
    }

    protected abstract Task<IObjectStorage> OpenStorageAsync();
}

public sealed class FolderNode : UploadNode
{
    private readonly string folder = Directory.CreateTempSubdirectory("uploads-").FullName;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await TemporaryFolder.DeleteAsync(folder); // a request whose client has gone may not have ended yet
    }

    protected override Task<IObjectStorage> OpenStorageAsync() =>
        Task.FromResult<IObjectStorage>(new FolderObjectStorage(folder, TimeProvider.System));
}

/// <summary>On a real S3 server, reached as R2 is.</summary>
public sealed class S3Node : UploadNode
{
    public override bool HasLinks => true;

    public override async Task<HttpClient> OpenHttpAsync() => CephServer.OpenHttp(await CephServer.TlsBucketAsync());

    protected override async Task<IObjectStorage> OpenStorageAsync() =>
        new S3ObjectStorage(await CephServer.TlsBucketAsync(), TimeProvider.System);
}
