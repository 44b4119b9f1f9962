using System.Security.Cryptography;
using Platform.Storage;
using Testing;
using Xunit;

namespace Uploads.Tests;

/// <summary>Several nodes on one database and store, and a store as strict as R2.</summary>
public sealed class AppendNodesTests : IAsyncLifetime
{
    private static readonly byte[] Bytes = RandomNumberGenerator.GetBytes((20 << 20) + 77);

    private TestDatabase database = null!;
    private R2StrictServer server = null!;
    private S3ObjectStorage bucket = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        server = await R2StrictServer.StartAsync();
        bucket = new S3ObjectStorage(server.Options, TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        bucket.Dispose();
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    /// <summary>The draft, §4.6: "the server MUST NOT send outdated information"; the old request must not record anything any more.</summary>
    [Fact]
    public async Task Another_node_takes_an_upload_over_and_the_old_request_records_nothing_more()
    {
        await using var first = await UploadHost.StartAsync(database.ConnectionString, bucket, work: false);
        await using var second = await UploadHost.StartAsync(database.ConnectionString, bucket, work: false);
        var (old, now) = (new AppendClient(first), new AppendClient(second));
        var url = await old.TusCreateAsync(Bytes.Length);
        using var hanging = await old.TusBeginPatchAsync(url, 0, Bytes.Length, Bytes[..9_000_000]);
        await Eventually.HoldsAsync(async () => (await old.HistoryAsync(url)).Contains("chunk_stored"));
        var offset = (int)await now.TusOffsetAsync(url);
        Assert.Equal(8 << 20, offset);

        // The old request still gets its bytes; what it makes of them counts no more.
        await hanging.SendAsync(Bytes.AsMemory(9_000_000));
        (await hanging.ReadAsync()).Refuses(409, "APPEND_SUPERSEDED");
        Assert.Equal(offset, await now.TusOffsetAsync(url));
        (await now.TusPatchAsync(url, offset, Bytes[offset..])).Is(204);
        await now.HoldsAsync(url, bucket, Bytes);
        Assert.Single(await now.HistoryAsync(url), "append_taken_over");
    }

    /// <summary>Its client has nothing else to ask for: it has sent all bytes, and was never told that the file is complete.</summary>
    [Fact]
    public async Task The_last_append_sent_again_goes_on_with_the_completion_of_a_dead_process()
    {
        var clock = new ShiftedClock();
        await using var host = await UploadHost.StartAsync(database.ConnectionString, bucket, clock, work: false);
        var client = new AppendClient(host);
        var bytes = Bytes[..1_000];
        var url = await client.CreateEmptyAsync($"Upload-Length: {bytes.Length}");
        (await client.AppendAsync(url, 0, complete: false, bytes)).Is(204);
        var died = new CompletionStarted("another", clock.GetUtcNow());
        await host.Events.DecideAsync<Upload, IUploadEvent>(Guid.Parse(url[^36..]), _ => [died], Cancellation);

        (await client.AppendAsync(url, bytes.Length, complete: true, [])).Refuses(409, "COMPLETE_IN_PROGRESS");
        clock.Shift += Upload.CompletionLease;
        Assert.Equal("?1", (await client.AppendAsync(url, bytes.Length, complete: true, [])).Is(200)["Upload-Complete"]);
        await client.HoldsAsync(url, bucket, bytes);
    }

    /// <summary>Turns between nodes, in appends that never fit a part, on a store that demands equal parts.</summary>
    [Fact]
    public async Task Appends_in_turn_on_two_nodes_make_equal_parts()
    {
        await using var first = await UploadHost.StartAsync(database.ConnectionString, bucket, work: false);
        await using var second = await UploadHost.StartAsync(database.ConnectionString, bucket, work: false);
        AppendClient[] nodes = [new(first), new(second)];
        var url = await nodes[0].TusCreateAsync(Bytes.Length);
        var (offset, turn) = (0, 0);
        foreach (var piece in Bytes.Chunk(1_700_000))
        {
            (await nodes[turn++ % 2].TusPatchAsync(url, offset, piece)).Is(204);
            offset += piece.Length;
        }

        await nodes[0].HoldsAsync(url, bucket, Bytes);
    }

    /// <summary>R2's rule with interruptions (tusd #1137: reported success with nothing stored).</summary>
    [Fact]
    public async Task Interrupted_appends_make_equal_parts()
    {
        await using var host = await UploadHost.StartAsync(database.ConnectionString, bucket, work: false);
        var client = new AppendClient(host);
        var url = await client.TusCreateAsync(Bytes.Length);
        foreach (var sent in new[] { 6_000_000, 5_500_000 })
        {
            var offset = (int)await client.TusOffsetAsync(url);
            using var wire = await client.TusBeginPatchAsync(url, offset, Bytes.Length - offset, Bytes[offset..(offset + sent)]);
            await wire.CutAsync();
        }

        var rest = (int)await client.TusOffsetAsync(url);
        Assert.InRange(rest, 6_000_000, 11_500_000);
        (await client.TusPatchAsync(url, rest, Bytes[rest..])).Is(204);
        await client.HoldsAsync(url, bucket, Bytes);
    }

    /// <summary>More requests than buffers in memory: the others wait in files, and nobody for anybody.</summary>
    [Fact]
    public async Task Many_slow_clients_hold_no_memory()
    {
        var folder = Directory.CreateTempSubdirectory("appends-").FullName;
        await using (var host = await UploadHost.StartAsync(database.ConnectionString, new FolderObjectStorage(folder, TimeProvider.System), work: false))
        {
            var client = new AppendClient(host);
            var bytes = Bytes[..100_000];
            var begun = new List<(string Url, AppendWire Wire)>();
            for (var i = 0; i < 40; i++)
            {
                var url = await client.TusCreateAsync(bytes.Length);
                begun.Add((url, await client.TusBeginPatchAsync(url, 0, bytes.Length, bytes[..(1_000 * i)])));
            }

            var fast = await client.TusCreateAsync(Bytes.Length);
            (await client.TusPatchAsync(fast, 0, Bytes)).Is(204);
            foreach (var (i, (url, wire)) in begun.Index())
            {
                await wire.SendAsync(bytes.AsMemory(1_000 * i));
                (await wire.ReadAsync()).Is(204);
                await client.HoldsAsync(url, new FolderObjectStorage(folder, TimeProvider.System), bytes);
                wire.Dispose();
            }
        }

        Directory.Delete(folder, recursive: true);
    }

    /// <summary>
    /// A client comes again while what it sent before hangs in the store. It does not wait for the store, which may take minutes: an offset is true as
    /// soon as the earlier request can move it no more.
    /// </summary>
    [Theory]
    [InlineData(S3Operation.PutPart, 0)]
    [InlineData(S3Operation.Put, PartPlan.AppendedPartSizeBytes)] // the tail
    public async Task A_store_that_hangs_keeps_nobody_from_going_on(S3Operation hanging, long expected)
    {
        await using var proxy = await S3FaultProxy.StartAsync(server.Options);
        using var slow = new S3ObjectStorage(proxy.Options, TimeProvider.System);
        await using var host = await UploadHost.StartAsync(database.ConnectionString, slow, new FastClock(50), work: false);
        var client = new AppendClient(host);
        var url = await client.TusCreateAsync(Bytes.Length);
        proxy.Disturb(call => call.Operation == hanging ? StoreFault.StalledRequest : null);
        using var before = await client.TusBeginPatchAsync(url, 0, Bytes.Length, Bytes[..9_000_000]);
        await Eventually.HoldsAsync(async () => hanging is S3Operation.PutPart
            ? proxy.Faults.Count > 0
            : (await client.HistoryAsync(url)).Contains("chunk_stored"));

        var offset = (int)await client.TusOffsetAsync(url).WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
        Assert.Equal(expected, offset);
        Assert.True(await before.IsCutOffAsync());

        await proxy.CalmAsync();
        (await client.TusPatchAsync(url, offset, Bytes[offset..])).Is(204);
        await client.HoldsAsync(url, bucket, Bytes);
    }

    /// <summary>A host that stops ends its requests, and keeps what they brought.</summary>
    [Fact]
    public async Task A_stopping_host_keeps_what_arrived()
    {
        var url = "";
        await using (var host = await UploadHost.StartAsync(database.ConnectionString, bucket, work: false))
        {
            var client = new AppendClient(host);
            url = await client.TusCreateAsync(Bytes.Length);
            using var wire = await client.TusBeginPatchAsync(url, 0, Bytes.Length, Bytes[..700_000]);
            await wire.TakenAsync();
            await host.StopAsync();
            Assert.True(await wire.IsCutOffAsync());
        }

        await using var next = await UploadHost.StartAsync(database.ConnectionString, bucket, work: false);
        Assert.Equal(700_000, await new AppendClient(next).TusOffsetAsync(url));
        (await new AppendClient(next).TusPatchAsync(url, 700_000, Bytes[700_000..])).Is(204);
        await new AppendClient(next).HoldsAsync(url, bucket, Bytes);
    }
}
