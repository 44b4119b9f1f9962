using System.Diagnostics;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Npgsql;
using Xunit;

namespace Host.Tests;

/// <summary>Albums packed by processes of their own, as AWS Batch and Kubernetes run them.</summary>
public sealed class AlbumBatchTests : IAsyncLifetime
{
    private const int Files = 24;
    private const string Parts = "select count(*) from mt_events where stream_id = $1 and type = 'part_stored'";

    private readonly HostProcess process = new();
    private HostFolder folder = null!;
    private NpgsqlDataSource events = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        folder = await HostFolder.CreateAsync();
        folder.Settings["Albums__Run"] = "Batch";
        events = NpgsqlDataSource.Create(folder.ConnectionString);
        var sources = Directory.CreateDirectory(folder.PathOf("storage", "sources")).FullName;
        var bytes = new byte[16 << 20];
        for (var i = 0; i < Files; i++)
        {
            Random.Shared.NextBytes(bytes);
            await File.WriteAllBytesAsync(Path.Combine(sources, $"{i:00}.bin"), bytes, Cancellation);
        }
    }

    public async ValueTask DisposeAsync()
    {
        process.Dispose();
        await events.DisposeAsync();
        await folder.DisposeAsync();
    }

    [Fact]
    public async Task Whatever_stops_a_process_the_next_one_goes_on_and_the_bytes_are_the_same()
    {
        await using var host = await RunningHost.StartAsync(folder.Settings);
        var (undisturbed, album) = (await RequestAsync(host), await RequestAsync(host));
        Assert.Equal("2", (await RunAsync("waiting")).Output.Trim());
        Assert.Equal((0, true), await ZipAsync(undisturbed));

        await using (var gate = await PartGate.CloseAsync(folder.ConnectionString, parts: 4))
        {
            using (var killed = Start("zip", album))
            {
                await WaitForPartsAsync(album, 4);
                killed.Kill(); // SIGKILL
                await killed.WaitForExitAsync(Cancellation);
            }

            // Of 48, and more than two appends can have brought before: the next process has recorded some of them.
            const int Middle = 20;
            await gate.MoveAsync(Middle);
            using var terminated = Start("zip", album);
            await WaitForPartsAsync(album, Middle);
            using var signal = Process.Start("kill", ["-TERM", $"{terminated.Id}"]);
            await signal.WaitForExitAsync(Cancellation);
            var ended = EndOfAsync(terminated);

            // It records what it has stored, which are two appends at most, and ends; one that was not told yet comes no further meanwhile.
            for (var parts = Middle + 1; !ended.IsCompleted; parts++)
            {
                await gate.MoveAsync(parts);
                await Task.WhenAny(ended, Task.Delay(500, Cancellation));
            }

            Assert.Equal(75, await ended);
        }

        Assert.Equal(0, await ScalarAsync(album, "select count(*) from mt_events where stream_id = $1 and type = 'album_completed'"));
        await using (var another = await events.OpenConnectionAsync(Cancellation))
        {
            // As another such process has it.
            await using var hold = new NpgsqlCommand($"select pg_advisory_lock(hashtextextended('album {album}', 0))", another);
            await hold.ExecuteNonQueryAsync(Cancellation);
            AssertSays(75, "Another process works on album", await RunAsync("zip", album));
            Assert.Equal("No album waits.", (await RunAsync("zip", "next")).Output.Trim());
            hold.CommandText = "select pg_advisory_unlock_all()";
            await hold.ExecuteNonQueryAsync(Cancellation);
        }

        Assert.Equal((0, true), await ZipAsync("next"));
        Assert.Equal((0, true), await ZipAsync(album)); // it is complete already
        Assert.Equal(await HashAsync(host, undisturbed), await HashAsync(host, album));
        Assert.Equal(0, await ScalarAsync(album, """
            select count(*) from (select from mt_events where stream_id = $1 and type = 'part_stored' group by data->>'Number' having count(*) > 1) twice
            """));
        Assert.Equal(1, await ScalarAsync(album, "select count(*) from mt_events where stream_id = $1 and type = 'album_completed'"));
        Assert.Equal("0", (await RunAsync("waiting")).Output.Trim());
        var (exitCode, output, _) = await RunAsync("zip", "next");
        Assert.Equal((0, "No album waits."), (exitCode, output.Trim()));
    }

    [Fact]
    public async Task What_cannot_be_completed_is_told_from_what_may_be_later()
    {
        await using var host = await RunningHost.StartAsync(folder.Settings);
        var unknown = Guid.CreateVersion7().ToString();
        AssertSays(1, $"There is no album {unknown}.", await RunAsync("zip", unknown));
        AssertSays(1, "There is no album 7.", await RunAsync("zip", "7"));

        using var requested = await host.Client.PostAsJsonAsync("/v1/albums", new { weddingId = "w", files = new[] { new { key = "gone.bin" } } }, Cancellation);
        var gone = requested.Headers.Location!.OriginalString.Split('/')[^1];
        AssertSays(1, $"Album {gone} failed with NO_FILES.", await RunAsync("zip", gone));
        AssertSays(1, $"Album {gone} failed with NO_FILES.", await RunAsync("zip", gone));

        folder.Settings["Albums__Run"] = "Workers";
        AssertSays(2, "Albums__Run=Batch", await RunAsync("zip", "next"));
        AssertSays(2, "There is no such command", await RunAsync("zap"));
        folder.Settings["ConnectionStrings__Postgres"] = new NpgsqlConnectionStringBuilder(folder.ConnectionString) { Port = 1 }.ConnectionString;
        AssertSays(75, "The database failed", await RunAsync("zip", gone));
        Assert.Contains("Usage: Host albums", (await RunAsync("--help")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Beside_a_worker_one_result_comes_out()
    {
        folder.Settings["Albums__Run"] = "Workers";
        await using var host = await RunningHost.StartAsync(folder.Settings);
        var album = await RequestAsync(host);
        await WaitForPartsAsync(album, 2);
        var (exitCode, _, error) = await RunAsync("zip", album);
        TestContext.Current.SendDiagnosticMessage($"{exitCode} {error}");
        Assert.Contains(exitCode, (int[])[0, 75]);
        await host.Client.GetStringAsync($"/v1/albums/{album}/progress", Cancellation); // ends with the album
        Assert.Equal(1, await ScalarAsync(album, "select count(*) from mt_events where stream_id = $1 and type = 'album_completed'"));
        Assert.NotEmpty(await HashAsync(host, album));
    }

    /// <summary>The number that KEDA scales by.</summary>
    [Fact]
    public async Task The_scaler_counts_the_albums_that_wait()
    {
        var manifest = await File.ReadAllLinesAsync(Path.Combine(HostProcess.Repository, "deploy", "kubernetes", "albums.yaml"), Cancellation);
        var sql = manifest.Single(line => line.TrimStart().StartsWith("query:", StringComparison.Ordinal)).Split("query:")[1].Trim().Trim('"');
        await using var host = await RunningHost.StartAsync(folder.Settings);
        Assert.Equal(0, await CountAsync());
        var first = await RequestAsync(host);
        await RequestAsync(host);
        Assert.Equal(2, await CountAsync());
        await ZipAsync(first);
        while (await CountAsync() != 1)
        {
            await Task.Delay(20, Cancellation); // the table follows the log
        }

        async Task<long> CountAsync()
        {
            await using var query = events.CreateCommand(sql);
            return (long)(await query.ExecuteScalarAsync(Cancellation))!;
        }
    }

    [Fact]
    public async Task What_is_deployed_runs_a_command_that_there_is()
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(HostProcess.Repository, "deploy", "aws-batch"), "*.json"))
        {
            using var json = JsonDocument.Parse(await File.ReadAllTextAsync(file, Cancellation));
        }

        var definition = JsonSerializer.Deserialize<JsonElement>(
            await File.ReadAllTextAsync(Path.Combine(HostProcess.Repository, "deploy", "aws-batch", "job-definition.json"), Cancellation));
        var command = definition.GetProperty("containerProperties").GetProperty("command").Deserialize<string[]>()!;
        var manifest = await File.ReadAllTextAsync(Path.Combine(HostProcess.Repository, "deploy", "kubernetes", "albums.yaml"), Cancellation);
        Assert.Contains($"args: {JsonSerializer.Serialize(command).Replace(",", ", ", StringComparison.Ordinal)}", manifest, StringComparison.Ordinal);
        await using var host = await RunningHost.StartAsync(folder.Settings); // makes the tables
        Assert.Equal(0, (await process.RunAsync(folder.Settings, command)).ExitCode);
    }

    private static void AssertSays(int exitCode, string sentence, (int ExitCode, string Output, string Error) ended)
    {
        Assert.Equal(exitCode, ended.ExitCode);
        Assert.Contains(sentence, ended.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", ended.Error, StringComparison.Ordinal);
    }

    private Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments) => process.RunAsync(folder.Settings, ["albums", .. arguments]);

    private async Task<(int ExitCode, bool IsSilent)> ZipAsync(string album)
    {
        var (exitCode, _, error) = await RunAsync("zip", album);
        return (exitCode, error.Length == 0);
    }

    private Process Start(params string[] arguments) => process.Start(folder.Settings, ["albums", .. arguments]);

    private static async Task<int> EndOfAsync(Process process)
    {
        await process.WaitForExitAsync(Cancellation);
        return process.ExitCode;
    }

    private async Task<string> RequestAsync(RunningHost host)
    {
        using var requested = await host.Client.PostAsJsonAsync("/v1/albums", new { weddingId = "ann-bob", prefix = "sources/" }, Cancellation);
        var album = requested.Headers.Location!.OriginalString.Split('/')[^1];
        await using var listed = events.CreateCommand("select exists (select from albums.album where id = $1)");
        listed.Parameters.Add(new() { Value = Guid.Parse(album) });
        while (await listed.ExecuteScalarAsync(Cancellation) is false)
        {
            await Task.Delay(20, Cancellation); // the table follows the log
        }

        return album;
    }

    private async Task WaitForPartsAsync(string album, long parts)
    {
        while (await ScalarAsync(album, Parts) < parts)
        {
            await Task.Delay(2, Cancellation);
        }
    }

    private async Task<long> ScalarAsync(string album, string sql)
    {
        await using var query = events.CreateCommand(sql);
        query.Parameters.Add(new() { Value = $"album-{album}" });
        return (long)(await query.ExecuteScalarAsync(Cancellation))!;
    }

    private static async Task<string> HashAsync(RunningHost host, string album)
    {
        await using var zip = await host.Client.GetStreamAsync($"/v1/albums/{album}/download", Cancellation);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(zip, Cancellation));
    }
}
