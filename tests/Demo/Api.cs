using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Demo;

/// <summary>The calls of the public HTTP API that the demo makes.</summary>
internal sealed class Api(HttpClient http)
{
    private static readonly JsonSerializerOptions Json = JsonSerializerOptions.Web;

    public HttpClient Http => http;

    public async Task<TAnswer> PostAsync<TAnswer>(string path, object body, CancellationToken cancellationToken)
    {
        using var response = await http.PostAsJsonAsync(path, body, Json, cancellationToken);
        return await ReadAsync<TAnswer>(response, cancellationToken);
    }

    public async Task<TAnswer> GetAsync<TAnswer>(string path, CancellationToken cancellationToken)
    {
        using var response = await http.GetAsync(new Uri(path, UriKind.Relative), cancellationToken);
        return await ReadAsync<TAnswer>(response, cancellationToken);
    }

    public async Task<StoredChunk> PutChunkAsync(Guid uploadId, int index, HttpContent content, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, $"v1/uploads/{uploadId}/chunk") { Content = content };
        request.Headers.Add("X-Upload-Id", uploadId.ToString());
        request.Headers.Add("X-Chunk-Index", $"{index}");
        using var response = await http.SendAsync(request, cancellationToken);
        return await ReadAsync<StoredChunk>(response, cancellationToken);
    }

    /// <summary>The album after each change, until it is final or the connection ends.</summary>
    public async IAsyncEnumerable<AlbumStatus> FollowAsync(Guid albumId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var response = await http.GetAsync($"v1/albums/{albumId}/progress", HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        await RefuseAsync(response, cancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var events = SseParser.Create(stream, (_, json) => JsonSerializer.Deserialize<AlbumStatus>(json, Json));
        await foreach (var e in events.EnumerateAsync(cancellationToken))
        {
            if (e is { EventType: "progress", Data: { } album })
            {
                yield return album;
            }
        }
    }

    private static async Task<TAnswer> ReadAsync<TAnswer>(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await RefuseAsync(response, cancellationToken);
        return await response.Content.ReadFromJsonAsync<TAnswer>(Json, cancellationToken)
            ?? throw new DemoFailedException($"{response.RequestMessage!.RequestUri} answered nothing.");
    }

    private static async Task RefuseAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        throw new HttpRequestException(
            $"{response.RequestMessage!.Method} {response.RequestMessage.RequestUri} answered {(int)response.StatusCode}: {Detail(body)}",
            null,
            response.StatusCode);
    }

    // A problem document says it in one sentence; anything else is cut short.
    private static string Detail(string body)
    {
        try
        {
            using var problem = JsonDocument.Parse(body);
            return problem.RootElement.TryGetProperty("detail", out var detail) ? $"{detail}" : body;
        }
        catch (JsonException)
        {
            return body.Length > 200 ? body[..200] : body;
        }
    }
}

internal sealed record InitiatedUpload(Guid UploadId, long ChunkSizeBytes, int TotalChunks);

internal sealed record StoredChunk(int ChunkIndex, string Etag, long SizeBytes);

internal sealed record UploadStatus(IReadOnlyList<StoredChunk> ReceivedChunks);

internal sealed record CompletedUpload(string Key, long SizeBytes);

internal sealed record AlbumStatus(Guid AlbumId, string Status, Count<int> Files, Count<long> Bytes, string? DownloadUrl, IReadOnlyList<MissingFile> Missing)
{
    public bool IsFinal => Status.ToUpperInvariant() is "COMPLETED" or "FAILED" or "CANCELLED" or "EXPIRED";
}

internal sealed record Count<T>(T Total, T Done);

internal sealed record MissingFile(string Name, string Reason);
