using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Npgsql;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>
/// The real host, killed with SIGKILL in the middle of a ZIP: it goes on where it stopped, what was safe is not read again, and the
/// bytes are those of an undisturbed run.
/// </summary>
public sealed class KilledHostTests : IAsyncLifetime
{
    private const long PartBytes = 8 << 20;
    private const int PartsInFlight = 4;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("killed-");
    private TestDatabase database = null!;
    private NpgsqlDataSource events = null!;
    private Dictionary<string, string> settings = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        events = NpgsqlDataSource.Create(database.ConnectionString);
        settings = new()
        {
            ["ConnectionStrings__Postgres"] = database.ConnectionString,
            ["Storage__Folder"] = Path.Combine(folder.FullName, "storage"),
            ["Mail__Folder"] = Path.Combine(folder.FullName, "mail"),
        };
        await MakeSourcesAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await events.DisposeAsync();
        await database.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_host_killed_three_times_makes_the_same_ZIP_and_reads_nothing_twice_that_was_safe()
    {
        var host = await RunningHost.StartAsync(settings);
        try
        {
            var undisturbed = await HashAsync(host, await RequestAsync(host));
            var album = await RequestAsync(host);
            foreach (var parts in new[] { 5, 20, 40 })
            {
                await WaitForPartsAsync(album, parts);
                await host.KillAsync();
                await host.DisposeAsync();
                host = await RunningHost.StartAsync(settings);
            }

            Assert.Equal(undisturbed, await HashAsync(host, album));
            await AssertNothingWasDoneTwiceAsync(album);
        }
        finally
        {
            await host.DisposeAsync();
        }
    }

    [Fact]
    public async Task When_a_worker_is_killed_another_node_finishes_its_album()
    {
        await using var first = await RunningHost.StartAsync(settings);
        await using var second = await RunningHost.StartAsync(settings);
        var undisturbed = await HashAsync(first, await RequestAsync(first));
        var album = await RequestAsync(first);
        await WaitForPartsAsync(album, 5);
        var node = await ScalarAsync<string>(album, "select data->>'Node' from mt_events where stream_id = $1 and type = 'attempt_started'");
        var (worker, other) = node.EndsWith($"/{first.ProcessId}", StringComparison.Ordinal) ? (first, second) : (second, first);
        await worker.KillAsync();
        var killedAt = DateTimeOffset.UtcNow;

        Assert.Equal(undisturbed, await HashAsync(other, album));
        await AssertNothingWasDoneTwiceAsync(album);
        var takenOverAt = await ScalarAsync<DateTime>(album, "select max(timestamp) from mt_events where stream_id = $1 and type = 'attempt_started'");
        TestContext.Current.SendDiagnosticMessage($"Taken over {(takenOverAt - killedAt.UtcDateTime).TotalSeconds:0.0} s after the kill.");
    }

    // Reads of the last attempt: its own parts, what it repeated, and the plan.
    private async Task AssertNothingWasDoneTwiceAsync(string album)
    {
        Assert.Equal(0, await ScalarAsync<long>(album, """
            select count(*) from (
                select 1 from mt_events where stream_id = $1 and type = 'part_stored' group by data->>'Number' having count(*) > 1
                union all
                select 1 from mt_events where stream_id = $1 and type = 'file_zipped' group by data->>'Index' having count(*) > 1
                union all
                select 1 from mt_events where stream_id = $1 and type in ('album_completed', 'plan_frozen', 'multipart_begun')
                group by type having count(*) > 1) twice
            """));
        var read = await ScalarAsync<long>(album, "select (data->>'BytesOut')::bigint from mt_events where stream_id = $1 and type = 'work_metered'");
        var packed = await ScalarAsync<decimal>(album, """
            select sum((data->>'SizeBytes')::bigint) from mt_events where stream_id = $1 and type = 'part_stored'
            and version > (select max(version) from mt_events where stream_id = $1 and type = 'attempt_started')
            """);
        Assert.InRange(read, 1, (long)packed + (PartsInFlight * PartBytes));
    }

    private async Task WaitForPartsAsync(string album, int parts)
    {
        while (await ScalarAsync<long>(album, "select count(*) from mt_events where stream_id = $1 and type = 'part_stored'") < parts)
        {
            await Task.Delay(2, Cancellation);
        }

        var total = await ScalarAsync<long>(album, "select (data->>'SizeBytes')::bigint from mt_events where stream_id = $1 and type = 'plan_frozen'");
        Assert.True(
            await ScalarAsync<long>(album, "select count(*) from mt_events where stream_id = $1 and type = 'part_stored'") < total / PartBytes,
            "The album was complete before it could be disturbed: make it larger.");
    }

    private async Task<T> ScalarAsync<T>(string album, string sql)
    {
        await using var query = events.CreateCommand(sql);
        query.Parameters.Add(new() { Value = $"album-{album.Split('/')[^1]}" });
        return (T)(await query.ExecuteScalarAsync(Cancellation))!;
    }

    private static async Task<string> RequestAsync(RunningHost host)
    {
        using var requested = await host.Client.PostAsJsonAsync("/v1/albums", new { weddingId = "ann-bob", prefix = "sources/" }, Cancellation);
        return requested.Headers.Location!.OriginalString;
    }

    private static async Task<string> HashAsync(RunningHost host, string album)
    {
        await host.Client.GetStringAsync($"{album}/progress", Cancellation); // ends with the album
        var state = await host.Client.GetFromJsonAsync<JsonElement>(album, Cancellation);
        Assert.Equal("completed", state.GetProperty("status").GetString());
        await using var zip = await host.Client.GetStreamAsync($"{album}/download", Cancellation);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(zip, Cancellation));
    }

    // 640 MB: eighty parts, of which the kills see five, twenty and forty.
    private async Task MakeSourcesAsync()
    {
        var sources = Directory.CreateDirectory(Path.Combine(folder.FullName, "storage", "sources")).FullName;
        var bytes = new byte[1 << 20];
        for (var i = 0; i < 44; i++)
        {
            await using var file = File.Create(Path.Combine(sources, $"{i:00}.bin"));
            for (var block = 0; block < (i < 4 ? 150 : 1); block++)
            {
                Random.Shared.NextBytes(bytes);
                await file.WriteAsync(bytes, Cancellation);
            }
        }
    }
}
