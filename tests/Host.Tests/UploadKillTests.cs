using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Platform.Storage;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>
/// The real host, killed at random while it receives chunks in parallel and a store answers after up to 400 ms: what it acknowledged is
/// there, nothing is corrupt, and "complete" is never said without the object.
/// </summary>
public sealed class UploadKillTests
{
    private const int ChunkBytes = 5 << 20;
    private const int Chunks = 6;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Before anything is completed: whoever comes after a process that died completing waits for its lease.</summary>
    [Fact]
    public async Task Three_random_kills_lose_no_chunk_that_was_acknowledged() => await KillAsync(onCeph: false, kills: 3, beforeCompletion: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Category", "Long")]
    public async Task Thirty_random_kills_lose_no_chunk_that_was_acknowledged(bool onCeph) => await KillAsync(onCeph, kills: 30, beforeCompletion: false);

    private static async Task KillAsync(bool onCeph, int kills, bool beforeCompletion)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        TestContext.Current.SendDiagnosticMessage($"Random kills with seed {seed}.");
        await using var server = onCeph ? null : await R2StrictServer.StartAsync();
        await using var cluster = await HostCluster.StartAsync(server?.Options ?? await CephServer.TlsBucketAsync(), photos: 0);
        cluster.Proxy!.Latency = () => TimeSpan.FromMilliseconds(Random.Shared.Next(400));
        var host = await cluster.StartHostAsync();
        var uploads = new List<GuestUpload>();
        for (var kill = 0; kill < kills; kill++)
        {
            var upload = await GuestUpload.BeginAsync(host.Client);
            uploads.Add(upload);
            var sending = upload.SendAsync(host.Client);
            await upload.AcknowledgedAsync(random.Next(beforeCompletion ? Chunks - 1 : Chunks + 1));
            await Task.Delay(random.Next(beforeCompletion ? 100 : 400), Cancellation);
            await host.KillAsync();
            await sending;
            host = await cluster.StartHostAsync();
            await upload.AssertNothingLostAsync(host.Client);
        }

        var completeBefore = uploads.Count(upload => upload.IsComplete);
        await Task.WhenAll(uploads.Select(upload => upload.FinishAsync(host.Client)));
        foreach (var upload in uploads)
        {
            await upload.AssertStoredAsync(cluster.Storage);
        }

        TestContext.Current.SendDiagnosticMessage(
            $"{kills} kills; {uploads.Sum(upload => upload.AcknowledgedBefore)} of {kills * Chunks} chunks were acknowledged before, {completeBefore} uploads complete.");
    }

    /// <summary>A client that sends everything at once, and remembers what it was told.</summary>
    private sealed class GuestUpload(string id, string key)
    {
        private readonly byte[] bytes = RandomNumberGenerator.GetBytes(((Chunks - 1) * ChunkBytes) + 100_000);
        private readonly ConcurrentDictionary<int, string> acknowledged = new();

        internal bool IsComplete { get; private set; }

        internal int AcknowledgedBefore { get; private set; }

        internal static async Task<GuestUpload> BeginAsync(HttpClient client)
        {
            var size = ((Chunks - 1) * ChunkBytes) + 100_000;
            var file = new { fileName = "a.txt", contentType = "text/plain", sizeBytes = size, userRole = "member", userId = "u1", chunkSizeBytes = ChunkBytes };
            using var begun = await client.PostAsJsonAsync("/v1/uploads/init", file, Cancellation);
            var upload = await begun.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
            return new(upload.GetProperty("uploadId").GetString()!, upload.GetProperty("key").GetString()!);
        }

        /// <summary>Sends what is not acknowledged yet, and completes; gives up when the host is gone.</summary>
        internal async Task SendAsync(HttpClient client)
        {
            try
            {
                await Task.WhenAll(Enumerable.Range(0, Chunks).Where(index => !acknowledged.ContainsKey(index)).Select(index => SendAsync(client, index)));
                await CompleteAsync(client);
            }
            catch (HttpRequestException)
            {
                // Killed.
            }
        }

        /// <summary>Goes on until the upload is complete: another process' completion is waited for.</summary>
        internal async Task FinishAsync(HttpClient client)
        {
            for (; !IsComplete; await Task.Delay(IsComplete ? 0 : 500, Cancellation))
            {
                await SendAsync(client);
            }
        }

        internal async Task AcknowledgedAsync(int chunks)
        {
            while (acknowledged.Count < chunks)
            {
                await Task.Delay(5, Cancellation);
            }
        }

        internal async Task AssertNothingLostAsync(HttpClient client)
        {
            AcknowledgedBefore = acknowledged.Count;
            var status = await client.GetFromJsonAsync<JsonElement>($"/v1/uploads/{id}", Cancellation);
            var received = status.GetProperty("receivedChunks").EnumerateArray().ToDictionary(
                chunk => chunk.GetProperty("chunkIndex").GetInt32(), chunk => chunk.GetProperty("etag").GetString());
            Assert.All(acknowledged, chunk => Assert.Equal(chunk.Value, received.GetValueOrDefault(chunk.Key)));
            Assert.True(!IsComplete || status.GetProperty("status").GetString() == "completed", "It was complete and is not any more.");
        }

        internal async Task AssertStoredAsync(IObjectStorage storage)
        {
            await using var stored = await storage.ReadAsync(key, null, null, Cancellation);
            Assert.Equal(SHA256.HashData(bytes), await SHA256.HashDataAsync(stored, Cancellation));
        }

        private async Task SendAsync(HttpClient client, int index)
        {
            using var chunk = new ByteArrayContent(bytes, index * ChunkBytes, Math.Min(ChunkBytes, bytes.Length - (index * ChunkBytes)));
            using var request = new HttpRequestMessage(HttpMethod.Put, $"/v1/uploads/{id}/chunk") { Content = chunk };
            request.Headers.Add("X-Chunk-Index", $"{index}");
            using var answer = await client.SendAsync(request, Cancellation);
            var body = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
            if (answer.IsSuccessStatusCode)
            {
                acknowledged[index] = body.GetProperty("etag").GetString()!;
            }
            else if (answer.StatusCode is HttpStatusCode.Conflict)
            {
                // Sent or completed before, and the answer was lost.
                await LearnAsync(client);
            }
        }

        private async Task LearnAsync(HttpClient client)
        {
            var status = await client.GetFromJsonAsync<JsonElement>($"/v1/uploads/{id}", Cancellation);
            foreach (var chunk in status.GetProperty("receivedChunks").EnumerateArray())
            {
                acknowledged[chunk.GetProperty("chunkIndex").GetInt32()] = chunk.GetProperty("etag").GetString()!;
            }
        }

        private async Task CompleteAsync(HttpClient client)
        {
            using var answer = await client.PostAsJsonAsync(
                $"/v1/uploads/{id}/complete", new { parts = acknowledged.Select(chunk => new { chunkIndex = chunk.Key, etag = chunk.Value }) }, Cancellation);
            IsComplete = answer.IsSuccessStatusCode;
            if (!IsComplete)
            {
                // COMPLETE_IN_PROGRESS by a process that is dead, until its lease is over; nothing else may stand against it.
                var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
                Assert.Equal("COMPLETE_IN_PROGRESS", problem.GetProperty("error").GetProperty("code").GetString());
            }
        }
    }
}
