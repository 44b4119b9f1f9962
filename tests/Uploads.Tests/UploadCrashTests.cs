using System.Net;
using System.Security.Cryptography;
using Platform.Storage;
using Testing;
using Xunit;

namespace Uploads.Tests;

/// <summary>
/// The store or the database breaks at call n, for every n, before or after it took effect. The client does what clients do: it asks
/// again. Then the object has its bytes, each event is there once, and no chunk that was acknowledged had to be sent again.
/// </summary>
public sealed class UploadCrashTests : IAsyncLifetime
{
    private const int ChunkSize = 5 << 20;

    private static readonly byte[] Bytes = RandomNumberGenerator.GetBytes(ChunkSize + 1_000);

    private readonly string folder = Directory.CreateTempSubdirectory("uploads-").FullName;
    private readonly ShiftedClock clock = new();
    private TestDatabase database = null!;
    private FaultyPostgres postgres = null!;
    private FaultyObjectStorage storage = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        postgres = new FaultyPostgres(database.ConnectionString);
        storage = new FaultyObjectStorage(new FolderObjectStorage(folder, TimeProvider.System));
    }

    public async ValueTask DisposeAsync()
    {
        await postgres.DisposeAsync();
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task An_upload_survives_a_fault_at_every_call(bool inDatabase, bool afterEffect)
    {
        await using var host = await UploadHost.StartAsync(postgres.ConnectionString, storage, clock, work: false);
        var broken = 0;
        for (var call = 1; ; call++)
        {
            if (inDatabase)
            {
                postgres.FailAt(call, afterEffect);
            }
            else
            {
                storage.FailAt(call, afterEffect);
            }

            var (faults, asked, queried) = await UploadAsync(host, host);
            broken += faults;
            if ((inDatabase ? queried : asked) < call)
            {
                Assert.Equal(0, faults);
                break;
            }
        }

        Assert.True(broken >= 4, $"Only {broken} requests met a fault: the faults do not reach what they should.");
    }

    [Fact]
    public async Task An_upload_goes_on_at_another_node_when_its_node_dies_at_any_call()
    {
        await using var another = await UploadHost.StartAsync(database.ConnectionString, storage, clock, work: false);
        for (var call = 1; call <= 4; call++)
        {
            foreach (var afterEffect in new[] { false, true })
            {
                await using var dying = await UploadHost.StartAsync(database.ConnectionString, storage, clock, work: false);
                storage.FailAt(call, afterEffect);
                Assert.Equal(1, (await UploadAsync(dying, another)).Faults);
            }
        }
    }

    [Fact]
    public async Task An_empty_file_survives_a_fault_at_every_call()
    {
        await using var host = await UploadHost.StartAsync(database.ConnectionString, storage, clock, work: false);
        foreach (var (call, afterEffect) in new[] { (1, false), (2, false), (2, true) })
        {
            var upload = await host.InitAsync(0);
            storage.FailAt(call, afterEffect);
            await UploadHost.RefusedAsync(await host.CompleteAsync(upload.Id()), 502, "STORAGE_ERROR");
            await UploadHost.ReadAsync(await host.CompleteAsync(upload.Id()), 200);
            Assert.Equal(0, (await storage.HeadAsync(upload.Key(), Cancellation))?.SizeBytes);
            Assert.Equal(["upload_initiated", "completion_started", "upload_completed"], await host.HistoryAsync(upload.Id()));
        }
    }

    /// <summary>
    /// Uploads the file, and at the first fault goes on at the node <paramref name="then"/>. Returns how many requests failed, and the
    /// calls made.
    /// </summary>
    private async Task<(int Faults, int Asked, int Queried)> UploadAsync(UploadHost first, UploadHost then)
    {
        var (host, faults) = (first, 0);
        var upload = await PatientlyAsync(() => host.PostInitAsync(Bytes.Length, ChunkSize));
        var id = upload.Id();
        var etags = new string[2];
        for (var index = 1; index >= 0; index--)
        {
            var chunk = Bytes[(index * ChunkSize)..Math.Min(Bytes.Length, (index + 1) * ChunkSize)];
            var stored = await PatientlyAsync(() => host.PutChunkAsync(id, index, new ByteArrayContent(chunk)));
            etags[index] = stored.GetProperty("etag").GetString()!;
        }

        var completed = await PatientlyAsync(() => host.CompleteAsync(id, etags));
        var (asked, queried) = (storage.Calls, postgres.Calls);
        storage.FailAt(0, false);
        postgres.FailAt(0, false);
        Assert.Equal(Crc32.Append(0, Bytes).ToString("x8"), completed.GetProperty("crc32").GetString());
        await using (var file = await storage.ReadAsync(upload.Key(), null, null, Cancellation))
        {
            Assert.Equal(SHA256.HashData(Bytes), await SHA256.HashDataAsync(file, Cancellation));
        }

        // A second completion_started tells that the other node took over.
        var history = (await then.HistoryAsync(id)).ToList();
        Assert.InRange(history.RemoveAll(type => type == "completion_started"), 1, first == then ? 1 : 2);
        Assert.Equal(["upload_initiated", "chunk_stored", "chunk_stored", "upload_completed"], history);
        return (faults, asked, queried);

        async Task<System.Text.Json.JsonElement> PatientlyAsync(Func<Task<HttpResponseMessage>> send)
        {
            for (var attempt = 0; ; attempt++)
            {
                var answer = await send();
                if (answer.IsSuccessStatusCode || attempt == 5)
                {
                    return await UploadHost.ReadAsync(answer, answer.StatusCode is HttpStatusCode.Created ? 201 : 200);
                }

                Assert.True(
                    answer.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.Conflict,
                    $"{answer.StatusCode} is no answer that invites to try again.");
                if (answer.StatusCode is HttpStatusCode.Conflict)
                {
                    // COMPLETE_IN_PROGRESS at the other node: the lease of the first one runs out.
                    Assert.NotNull(answer.Headers.RetryAfter);
                    clock.Shift += Upload.CompletionLease;
                }
                else
                {
                    (host, faults) = (then, faults + 1);
                }
            }
        }
    }
}
