using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;
using Platform.Storage;
using Testing;
using Xunit;

namespace Uploads.Tests;

public sealed class ParallelChunksTests : IAsyncLifetime
{
    private const int ChunkSize = 5 << 20;
    private const int Chunks = 16;

    private static readonly byte[] Bytes = RandomNumberGenerator.GetBytes(((Chunks - 1) * ChunkSize) + 1_000);

    private readonly string folder = Directory.CreateTempSubdirectory("uploads-").FullName;
    private TestDatabase database = null!;
    private IObjectStorage storage = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        storage = new FolderObjectStorage(folder, TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Sixteen_chunks_at_once_cost_two_statements_each()
    {
        await using var host = await UploadHost.StartAsync(database.ConnectionString, storage, work: false);
        var upload = await host.InitAsync(Bytes.Length, ChunkSize);
        var name = new NpgsqlConnectionStringBuilder(database.ConnectionString).Database;
        var statements = new ConcurrentQueue<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "Npgsql" or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                // What has no parent was asked by no request: signals of new events, and polling, a few a second whatever the chunks.
                if (activity.GetTagItem("db.namespace") as string == name
                    && activity.GetTagItem("db.query.text") is string statement
                    && activity.ParentSpanId != default)
                {
                    statements.Enqueue(statement);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        var etags = await Task.WhenAll(Enumerable.Range(0, Chunks).Select(index => SendAsync(host, upload.Id(), index)));

        // One fold and one append each.
        Assert.Equal(2 * Chunks, statements.Count);
        await AssertCompletesAsync(host, upload.Id(), upload.Key(), etags);
    }

    [Fact]
    public async Task Chunks_may_go_to_several_nodes_at_once()
    {
        await using var one = await UploadHost.StartAsync(database.ConnectionString, storage, work: false);
        await using var two = await UploadHost.StartAsync(database.ConnectionString, storage, work: false);
        var upload = await one.InitAsync(Bytes.Length, ChunkSize);
        var etags = await Task.WhenAll(
            Enumerable.Range(0, Chunks).Reverse().Select(index => SendAsync(index % 2 == 0 ? one : two, upload.Id(), index)));
        await AssertCompletesAsync(two, upload.Id(), upload.Key(), etags.Reverse());
    }

    private static Task<string> SendAsync(UploadHost host, Guid id, int index) =>
        host.SendAsync(id, index, Bytes[(index * ChunkSize)..Math.Min(Bytes.Length, (index + 1) * ChunkSize)]);

    private async Task AssertCompletesAsync(UploadHost host, Guid id, string key, IEnumerable<string> etags)
    {
        await UploadHost.ReadAsync(await host.CompleteAsync(id, etags), 200);
        await using var stored = await storage.ReadAsync(key, null, null, Cancellation);
        Assert.Equal(SHA256.HashData(Bytes), await SHA256.HashDataAsync(stored, Cancellation));
        Assert.Equal(Chunks + 3, (await host.HistoryAsync(id)).Count);
    }
}
