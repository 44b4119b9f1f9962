using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Platform.Storage;
using Testing;
using Xunit;

namespace Uploads.Tests;

/// <summary>
/// Uploads through a store that does everything wrong that stores do wrong: requests may be refused, but a chunk that was acknowledged is never
/// asked for again, and complete is complete. The store's time passes fifty times as fast.
/// </summary>
public abstract class UploadFaultTests : IAsyncLifetime
{
    private const int ChunkSize = 5 << 20;

    private static readonly byte[] Bytes = RandomNumberGenerator.GetBytes((2 * ChunkSize) + 300_000);

    private TestDatabase database = null!;
    private S3FaultProxy proxy = null!;
    private S3ObjectStorage disturbed = null!;
    private S3ObjectStorage calm = null!;
    private UploadHost host = null!;

    private protected FastClock Clock { get; } = new(50);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        var options = await OpenStoreAsync();
        proxy = await S3FaultProxy.StartAsync(options);

        // Two seconds of ours: a busy store stands still for one now and then, and a chunk that it gave up on is sent twenty times only.
        disturbed = new S3ObjectStorage(proxy.OptionsOf(TimeSpan.FromSeconds(100)), Clock);
        calm = new S3ObjectStorage(options, TimeProvider.System);
        host = await UploadHost.StartAsync(database.ConnectionString, disturbed, work: false);
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await host.DisposeAsync();
        disturbed.Dispose();
        await proxy.DisposeAsync();
        calm.Dispose();
        await database.DisposeAsync();
    }

    private protected abstract Task<S3Options> OpenStoreAsync();

    [Theory]
    [InlineData(S3Operation.Begin)]
    [InlineData(S3Operation.PutPart)]
    [InlineData(S3Operation.Complete)]
    [InlineData(S3Operation.Head)]
    public async Task No_fault_loses_a_chunk_or_an_upload(S3Operation operation)
    {
        var faults = StoreFaults.Of(operation);
        proxy.FailNext(operation, faults);
        while (proxy.Faults.Count < faults.Count)
        {
            await UploadAsync();
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task No_storm_of_faults_loses_a_chunk_or_an_upload(int seed)
    {
        proxy.Disturb(seed, oneIn: 4, except: [StoreFault.StalledRequest, StoreFault.StalledReply]);
        await UploadAsync();
        await UploadAsync();
        Assert.NotEmpty(proxy.Faults);
    }

    /// <summary>Appends of sizes that fit no part: parts are equal all the same, and what the bucket aborts is never called complete.</summary>
    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public async Task No_storm_of_faults_loses_an_append(int seed)
    {
        var appends = new AppendClient(host);
        proxy.Disturb(seed, oneIn: 4, except: [StoreFault.StalledRequest, StoreFault.StalledReply]);
        for (var files = 0; files < 2;)
        {
            files += await TryAppendAsync(appends, new Random(seed)) ? 1 : 0;
        }

        Assert.NotEmpty(proxy.Faults);
    }

    private async Task<bool> TryAppendAsync(AppendClient appends, Random random)
    {
        Answer created;
        do
        {
            created = await appends.TusPostAsync($"Upload-Length: {Bytes.Length}");
        }
        while (created.Status is 502);
        var url = created.Is(201)["Location"];
        for (var (attempt, acknowledged) = (1, 0L); acknowledged < Bytes.Length; attempt++)
        {
            Assert.True(attempt < 100, $"{acknowledged} bytes after {attempt} attempts.");
            var head = await appends.TusHeadAsync(url);
            if (head.Status is 410)
            {
                return await IsGoneAsync(AppendClient.IdOf(url));
            }

            // The store does not answer, or a completion is under way.
            if (head.Status is 502 or 409)
                continue;
            acknowledged = OffsetIn(head.Is(200), acknowledged);
            var piece = Bytes[(int)acknowledged..Math.Min(Bytes.Length, (int)acknowledged + random.Next(1, 7_000_000))];
            if (piece.Length > 0 && await appends.TusPatchAsync(url, acknowledged, piece) is var patched && patched.Status is 204)
            {
                acknowledged = OffsetIn(patched, acknowledged + piece.Length);
            }
        }

        var key = (await host.StatusAsync(AppendClient.IdOf(url))).Key();
        await using var file = await calm.ReadAsync(key, null, null, Cancellation);
        Assert.Equal(SHA256.HashData(Bytes), await SHA256.HashDataAsync(file, Cancellation));
        return true;

        static long OffsetIn(Answer answer, long atLeast)
        {
            var offset = long.Parse(answer["Upload-Offset"], CultureInfo.InvariantCulture);
            Assert.True(offset >= atLeast, $"{offset} after {atLeast} were acknowledged.");
            return offset;
        }
    }

    private async Task<bool> IsGoneAsync(Guid id)
    {
        Assert.Contains(StoreFault.UploadAborted, proxy.Faults);
        await proxy.SettleAsync();
        var upload = await host.StatusAsync(id);
        Assert.Equal("lost", upload.GetProperty("status").GetString());
        Assert.Null(await calm.HeadAsync(upload.Key(), Cancellation));
        return false;
    }

    // An upload whose parts somebody aborted in the bucket is lost, and said to be: the client begins again.
    private async Task UploadAsync()
    {
        while (!await TryUploadAsync())
        {
            Assert.Contains(StoreFault.UploadAborted, proxy.Faults);
        }
    }

    private async Task<bool> TryUploadAsync()
    {
        var begun = await PatientlyAsync(() => host.PostInitAsync(Bytes.Length, ChunkSize));
        var upload = begun.GetValueOrDefault();
        var etags = new ConcurrentDictionary<int, string>();
        await Task.WhenAll(Enumerable.Range(0, 3).Select(async index =>
        {
            var chunk = Bytes[(index * ChunkSize)..Math.Min(Bytes.Length, (index + 1) * ChunkSize)];
            if (await PatientlyAsync(() => host.PutChunkAsync(upload.Id(), index, new ByteArrayContent(chunk))) is { } stored)
            {
                etags[index] = stored.GetProperty("etag").GetString()!;
            }
        }));
        await proxy.SettleAsync();
        var completed = etags.Count == 3
            ? await PatientlyAsync(() => host.CompleteAsync(upload.Id(), etags.OrderBy(chunk => chunk.Key).Select(chunk => chunk.Value)))
            : null;
        var history = await host.HistoryAsync(upload.Id());
        if (completed is null)
        {
            Assert.Equal("lost", (await host.StatusAsync(upload.Id())).GetProperty("status").GetString());
            Assert.Null(await calm.HeadAsync(upload.Key(), Cancellation));
            return false;
        }

        await using var file = await calm.ReadAsync(upload.Key(), null, null, Cancellation);
        Assert.Equal(SHA256.HashData(Bytes), await SHA256.HashDataAsync(file, Cancellation));
        await calm.DeleteAsync(upload.Key(), Cancellation);
        Assert.Equal(
            ["upload_initiated", "chunk_stored", "chunk_stored", "chunk_stored", "completion_started", "upload_completed"], history);
        return true;
    }

    // As clients do: again after 409, 502 and 503, and no further after 410.
    private static async Task<JsonElement?> PatientlyAsync(Func<Task<HttpResponseMessage>> send)
    {
        for (var attempt = 1; ; attempt++)
        {
            var answer = await send();
            if (answer.IsSuccessStatusCode)
            {
                return await UploadHost.ReadAsync(answer, (int)answer.StatusCode);
            }

            if (answer.StatusCode is HttpStatusCode.Gone)
            {
                await UploadHost.RefusedAsync(answer, 410, "UPLOAD_LOST");
                return null;
            }

            var problem = await UploadHost.ReadAsync(answer, (int)answer.StatusCode);
            Assert.Contains(problem.GetProperty("error").GetProperty("code").GetString(), new[] { "STORAGE_ERROR", "CHUNK_IN_PROGRESS", "COMPLETE_IN_PROGRESS" });
            Assert.True(attempt < 20, $"After {attempt} attempts: {problem}");
        }
    }
}

public sealed class UploadFaultsOnCeph : UploadFaultTests
{
    private protected override Task<S3Options> OpenStoreAsync() => CephServer.TlsBucketAsync();
}

public sealed class UploadFaultsOnR2 : UploadFaultTests
{
    private R2StrictServer server = null!;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await server.DisposeAsync();
    }

    private protected override async Task<S3Options> OpenStoreAsync() => (server = await R2StrictServer.StartAsync(Clock)).Options;
}
