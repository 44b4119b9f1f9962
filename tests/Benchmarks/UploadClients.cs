using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Benchmarks;

/// <summary>What sends the bytes: as little work as there can be, for it shares the machine.</summary>
internal static class UploadClients
{
    /// <summary>The host's own choice.</summary>
    public const int ChunkBytes = 16 << 20;

    private const int HeldBytes = 4 << 20;

    private static readonly byte[] Bytes = RandomBytes(1 << 20);

    /// <summary>One file as chunks of the host's API, and its completion.</summary>
    public static Task ChunksAsync(BenchServer server, long sizeBytes) => ChunksAsync(server, sizeBytes, inParallel: 1);

    public static async Task ChunksAsync(BenchServer server, long sizeBytes, int inParallel)
    {
        var id = await InitAsync(server, sizeBytes, ChunkBytes);
        var chunks = (int)((sizeBytes + ChunkBytes - 1) / ChunkBytes);
        var etags = new string[chunks];
        await Parallel.ForEachAsync(Enumerable.Range(0, chunks), new ParallelOptions { MaxDegreeOfParallelism = inParallel }, async (index, _) =>
            etags[index] = await ChunkAsync(server, id, index, new Body(Math.Min(ChunkBytes, sizeBytes - ((long)index * ChunkBytes)))));
        using var completed = await server.Client.PostAsJsonAsync(
            $"/v1/uploads/{id}/complete", new { parts = etags.Select((etag, chunkIndex) => new { chunkIndex, etag }) });
        await CheckAsync(completed);
    }

    /// <summary>One file by tus, in one PATCH.</summary>
    public static async Task TusAsync(BenchServer server, string path, long sizeBytes)
    {
        using var create = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Headers =
            {
                { "Tus-Resumable", "1.0.0" },
                { "Upload-Length", $"{sizeBytes}" },
                { "Upload-Metadata", "filename YS50eHQ=,filetype dGV4dC9wbGFpbg==" }, // a.txt, text/plain
            },
        };
        using var created = await server.Client.SendAsync(create);
        await CheckAsync(created);
        using var patch = new HttpRequestMessage(HttpMethod.Patch, created.Headers.Location)
        {
            Headers = { { "Tus-Resumable", "1.0.0" }, { "Upload-Offset", "0" } },
            Content = new Body(sizeBytes) { Headers = { { "Content-Type", "application/offset+octet-stream" } } },
        };
        using var patched = await server.Client.SendAsync(patch);
        await CheckAsync(patched);
    }

    /// <summary>One file in one PUT.</summary>
    public static async Task PutAsync(BenchServer server, long sizeBytes)
    {
        using var stored = await server.Client.PutAsync(new Uri($"/{Guid.NewGuid():n}.bin", UriKind.Relative), new Body(sizeBytes));
        await CheckAsync(stored);
    }

    /// <summary>Sends so many chunks at once, stops each half-way until all have got there, and then goes on.</summary>
    /// <returns>How many were taken.</returns>
    public static async Task<int> HoldAsync(BenchServer server, int uploads)
    {
        var ids = new string[uploads];
        for (var i = 0; i < uploads; i++)
        {
            ids[i] = await InitAsync(server, HeldBytes, HeldBytes);
        }

        var (waiting, all) = (0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        var taken = await Task.WhenAll(ids.Select(id => ChunkAsync(server, id, 0, new Body(HeldBytes)
        {
            HalfWay = () =>
            {
                if (Interlocked.Increment(ref waiting) == uploads)
                {
                    all.SetResult();
                }

                return all.Task;
            },
        })));
        return taken.Count(etag => etag.Length > 0);
    }

    private static async Task<string> InitAsync(BenchServer server, long sizeBytes, long chunkSizeBytes)
    {
        var file = new { fileName = "a.txt", contentType = "text/plain", sizeBytes, userRole = "member", userId = "bench", chunkSizeBytes };
        using var begun = await server.Client.PostAsJsonAsync("/v1/uploads/init", file);
        await CheckAsync(begun);
        return (await begun.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("uploadId").GetString()!;
    }

    private static async Task<string> ChunkAsync(BenchServer server, string id, int index, Body body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, $"/v1/uploads/{id}/chunk") { Content = body, Headers = { { "X-Chunk-Index", $"{index}" } } };
        using var stored = await server.Client.SendAsync(request);
        await CheckAsync(stored);
        return (await stored.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("etag").GetString()!;
    }

    private static async Task CheckAsync(HttpResponseMessage answer)
    {
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{answer.RequestMessage!.RequestUri}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }
    }

    private static byte[] RandomBytes(int size)
    {
        var bytes = new byte[size];
        Random.Shared.NextBytes(bytes);
        return bytes;
    }

    private sealed class Body(long sizeBytes) : HttpContent
    {
        public Func<Task>? HalfWay { get; init; }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            for (var sent = 0L; sent < sizeBytes; sent += Bytes.Length)
            {
                if (sent >= sizeBytes / 2 && sent - Bytes.Length < sizeBytes / 2 && HalfWay is not null)
                {
                    await stream.FlushAsync();
                    await HalfWay();
                }

                await stream.WriteAsync(Bytes.AsMemory(0, (int)Math.Min(Bytes.Length, sizeBytes - sent)));
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = sizeBytes;
            return true;
        }
    }
}
