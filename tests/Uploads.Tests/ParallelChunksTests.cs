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
    public async Task Fifteen_chunks_at_once_cost_one_statement_each()
    {
        await using var host = await UploadHost.StartAsync(database.ConnectionString, storage, work: false);
        var upload = await host.InitAsync(Bytes.Length, ChunkSize);
        var first = await SendAsync(host, upload.Id(), 0); // the only one of which the process has to look at the stream
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
        var others = await Task.WhenAll(Enumerable.Range(1, Chunks - 1).Select(index => SendAsync(host, upload.Id(), index)));

        Assert.All(statements, statement => Assert.Contains("update mt_streams", statement, StringComparison.Ordinal));
        Assert.Equal(Chunks - 1, statements.Count);
        await AssertCompletesAsync(host, upload.Id(), upload.Key(), [first, .. others]);
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

    [Fact]
    public async Task A_chunk_counts_where_it_lies_in_the_stream_not_where_its_node_remembers_it()
    {
        await using var one = await UploadHost.StartAsync(database.ConnectionString, storage, work: false);
        await using var two = await UploadHost.StartAsync(database.ConnectionString, storage, work: false);
        var (completed, aborted) = ((await one.InitAsync(1_000)).Id(), (await one.InitAsync(1_000)).Id());
        await one.SendAsync(completed, 0, Bytes[..1_000]);
        await one.SendAsync(aborted, 0, Bytes[..1_000]);
        var later = await two.SendAsync(completed, 0, Bytes[1_000..2_000]);
        await UploadHost.ReadAsync(await two.CompleteAsync(completed, [later]), 200);
        (await two.Client.DeleteAsync($"/v1/uploads/{aborted}", Cancellation)).EnsureSuccessStatusCode();

        await UploadHost.RefusedAsync(await one.PutChunkAsync(completed, 0, new ByteArrayContent(Bytes[..1_000])), 409, "UPLOAD_COMPLETED");
        await UploadHost.RefusedAsync(await one.PutChunkAsync(aborted, 0, new ByteArrayContent(Bytes[..1_000])), 409, "UPLOAD_ABORTED");
        Assert.Equal("completed", (await one.StatusAsync(completed)).GetProperty("status").GetString());
        Assert.Equal("aborted", (await one.StatusAsync(aborted)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_chunk_sent_to_two_nodes_is_the_later_one_on_both()
    {
        await using var one = await UploadHost.StartAsync(database.ConnectionString, storage, work: false);
        await using var two = await UploadHost.StartAsync(database.ConnectionString, storage, work: false);
        var id = (await one.InitAsync(1_000)).Id();
        await one.SendAsync(id, 0, Bytes[..1_000]);
        await two.SendAsync(id, 0, Bytes[1_000..2_000]);
        var again = await one.SendAsync(id, 0, Bytes[..1_000]);

        // Node one remembers its first chunk, which is the same; the stream says that another came between.
        await UploadHost.ReadAsync(await one.CompleteAsync(id, [again]), 200);
        Assert.Equal(3, (await one.HistoryAsync(id)).Count(type => type == "chunk_stored"));
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
