using System.Globalization;
using System.Text;
using System.Text.Json;
using Platform.Storage;
using Xunit;

namespace Uploads.Tests;

/// <summary>Requests of both protocols to one node.</summary>
internal sealed class AppendClient(UploadHost host)
{
    public const string Tus = "/v1/tus";
    public const string Resumable = "/v1/resumable";

    /// <summary>What any creation needs that is not of the protocol.</summary>
    public const string Terms = "?userRole=member&userId=u1&weddingId=w1&fileName=a.txt&contentType=text/plain";

    private const string Version = "Tus-Resumable: 1.0.0";

    public UploadHost Host => host;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    /// <summary>A request with any headers, each as one line.</summary>
    public async Task<Answer> SendAsync(string method, string path, byte[]? body, params IEnumerable<string> headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = body is null ? null : new ByteArrayContent(body);
        foreach (var line in headers.Where(line => line.Length > 0).Select(line => line.Split(": ", 2)))
        {
            if (!request.Headers.TryAddWithoutValidation(line[0], line[1]))
            {
                (request.Content ??= new ByteArrayContent([])).Headers.TryAddWithoutValidation(line[0], line[1]);
            }
        }

        using var answer = await host.Client.SendAsync(request, Cancellation);
        var all = answer.Headers.Concat(answer.Content.Headers).ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase);
        return new Answer((int)answer.StatusCode, answer.ReasonPhrase ?? "", all, await answer.Content.ReadAsStringAsync(Cancellation));
    }

    // tus

    public Task<Answer> TusAsync(string method, string path, byte[]? body, params IEnumerable<string> headers) =>
        SendAsync(method, path, body, [Version, .. headers]);

    public Task<Answer> TusPostAsync(params IEnumerable<string> headers) => TusAsync("POST", Tus + Terms, null, headers);

    /// <summary>Creates an upload that must be taken, and returns its address.</summary>
    public async Task<string> TusCreateAsync(long? length, params IEnumerable<string> headers)
    {
        var size = length is null ? "Upload-Defer-Length: 1" : string.Create(CultureInfo.InvariantCulture, $"Upload-Length: {length}");
        return (await TusPostAsync([size, .. headers])).Is(201)["Location"];
    }

    public Task<Answer> TusPatchAsync(string url, long offset, byte[] bytes, params IEnumerable<string> headers) => TusAsync(
        "PATCH", url, bytes, [$"Upload-Offset: {offset}", "Content-Type: application/offset+octet-stream", .. headers]);

    public Task<Answer> TusHeadAsync(string url) => TusAsync("HEAD", url, null);

    public async Task<long> TusOffsetAsync(string url) =>
        long.Parse((await TusHeadAsync(url)).Is(200)["Upload-Offset"], CultureInfo.InvariantCulture);

    /// <summary>A PATCH whose body is not all there yet.</summary>
    public async Task<AppendWire> TusBeginPatchAsync(string url, long offset, long size, byte[] bytes, params IEnumerable<string> headers)
    {
        var wire = await AppendWire.SendHeadAsync(
            host, "PATCH", url, [Version, "Content-Type: application/offset+octet-stream", $"Upload-Offset: {offset}", $"Content-Length: {size}", .. headers]);
        await wire.SendAsync(bytes);
        return wire;
    }

    // Resumable uploads

    public Task<Answer> CreateAsync(bool complete, byte[] bytes, params IEnumerable<string> headers) =>
        SendAsync("POST", Resumable + Terms, bytes, [$"Upload-Complete: {(complete ? "?1" : "?0")}", .. headers]);

    public async Task<string> CreateEmptyAsync(params IEnumerable<string> headers) => (await CreateAsync(false, [], headers)).Is(201)["Location"];

    public Task<Answer> AppendAsync(string url, long offset, bool complete, byte[] bytes, params IEnumerable<string> headers) => SendAsync(
        "PATCH", url, bytes,
        [$"Upload-Offset: {offset}", $"Upload-Complete: {(complete ? "?1" : "?0")}", "Content-Type: application/partial-upload", .. headers]);

    public async Task<AppendWire> BeginAppendAsync(string url, long offset, bool complete, long size, byte[] bytes, params IEnumerable<string> headers)
    {
        var wire = await AppendWire.SendHeadAsync(
            host, "PATCH", url,
            ["Content-Type: application/partial-upload", $"Upload-Offset: {offset}", $"Upload-Complete: {(complete ? "?1" : "?0")}", $"Content-Length: {size}", .. headers]);
        await wire.SendAsync(bytes);
        return wire;
    }

    public Task<Answer> OffsetAsync(string url) => SendAsync("HEAD", url, null);

    // Both

    public static Guid IdOf(string url) => Guid.Parse(url[(url.LastIndexOf('/') + 1)..]);

    public Task<IReadOnlyList<string>> HistoryAsync(string url) => host.HistoryAsync(IdOf(url));

    /// <summary>The file is complete with these bytes, and the log says so once.</summary>
    public async Task HoldsAsync(string url, IObjectStorage storage, params byte[][] bytes)
    {
        var completed = new List<JsonElement>();
        await foreach (var e in host.Events.ReadAsync($"upload-{IdOf(url)}", 1, Cancellation))
        {
            if (e.Payload is Contracts.UploadCompleted file)
            {
                completed.Add(JsonSerializer.SerializeToElement(file));
            }
        }

        byte[] expected = [.. bytes.SelectMany(piece => piece)];
        var result = Assert.Single(completed);
        Assert.Equal(expected.Length, result.GetProperty("SizeBytes").GetInt64());
        Assert.Equal(Crc32.Append(0, expected), result.GetProperty("Crc32").GetUInt32());
        await using var stored = await storage.ReadAsync(result.GetProperty("Key").GetString()!, null, result.GetProperty("ETag").GetString(), Cancellation);
        var read = new MemoryStream();
        await stored.CopyToAsync(read, Cancellation);
        Assert.True(expected.AsSpan().SequenceEqual(read.ToArray()), "The object is not what was sent.");
        Assert.Empty((await storage.ListAsync($"tail/{IdOf(url):N}/", null, Cancellation)).Objects);
    }
}
