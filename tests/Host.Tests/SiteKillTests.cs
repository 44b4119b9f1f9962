using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>Build servers and hosts that die in the middle of a sync, each a process of its own.</summary>
public sealed class SiteKillTests : IAsyncLifetime
{
    private const int Files = 2000; // the kills come long before the last
    private const int FileBytes = 5000;
    private const string NoRights = "-dac_override,-dac_read_search";

    private readonly HostProcess commands = new();
    private TestDatabase database = null!;
    private Dictionary<string, string> settings = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Dist => Path.Combine(commands.Folder, "dist");

    private string Objects => Path.Combine(commands.Folder, "storage/sites/music/objects");

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        settings = new()
        {
            ["ConnectionStrings__Postgres"] = database.ConnectionString,
            ["Storage__Folder"] = Path.Combine(commands.Folder, "storage"),
            ["Mail__Folder"] = Path.Combine(commands.Folder, "mail"),
        };
    }

    public async ValueTask DisposeAsync()
    {
        commands.Dispose();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task The_old_release_is_served_until_a_run_gets_through()
    {
        await using var first = await RunningHost.StartAsync(settings);
        using var registered = await first.Client.PostAsJsonAsync("/v1/sites", new { name = "music" }, Cancellation);
        Build("one", files: 3);
        Assert.Equal(0, (await SyncAsync(first)).ExitCode);

        Build("two", Files);
        using (var sync = Start(first))
        {
            await ReachAsync(20);
            sync.Kill(); // SIGKILL
            await sync.WaitForExitAsync(Cancellation);
        }

        Assert.Equal("one", await PageAsync(first));
        using (var sync = Start(first))
        {
            await ReachAsync(150);
            await first.KillAsync();
            sync.Kill();
            await sync.WaitForExitAsync(Cancellation);
        }

        var arrived = Count();
        Assert.InRange(arrived, 150, Files);
        await using var second = await RunningHost.StartAsync(settings);
        Assert.Equal("one", await PageAsync(second));
        var (exitCode, output, error) = await SyncAsync(second, "--json");
        Assert.True(exitCode == 0, error);
        var result = JsonDocument.Parse(output).RootElement;
        Assert.Equal(("activated", 2), (result.GetProperty("outcome").GetString(), result.GetProperty("release").GetInt32()));

        // What had arrived, the first release's own files among it, is not sent again, but for the few that were not recorded.
        Assert.InRange(result.GetProperty("uploadedObjects").GetInt32(), Files - arrived, Files + 4 - arrived + 64);
        Assert.Equal("two", await PageAsync(second));
        Assert.Contains("Nothing changed", (await SyncAsync(second)).Output, StringComparison.Ordinal);
    }

    /// <summary>To root only as long as it has its rights: these commands run without those over files.</summary>
    [Fact]
    public async Task A_folder_with_a_file_that_is_forbidden_becomes_no_release()
    {
        Build("one", files: 3);
        using var forbid = Process.Start("chmod", ["000", Path.Combine(Dist, "1.bin")]);
        await forbid.WaitForExitAsync(Cancellation);
        await using var host = await RunningHost.StartAsync(settings);
        using var registered = await host.Client.PostAsJsonAsync("/v1/sites", new { name = "music" }, Cancellation);
        var start = new ProcessStartInfo("setpriv")
        {
            ArgumentList = { "--bounding-set", NoRights, "--inh-caps", NoRights, "dotnet", typeof(Program).Assembly.Location, "assets", "sync", Dist, "--site", "music" },
            RedirectStandardError = true,
        };
        foreach (var (key, value) in CommandSettings(host))
        {
            start.Environment[key] = value;
        }

        using var sync = Process.Start(start)!;
        var error = await sync.StandardError.ReadToEndAsync(Cancellation);
        await sync.WaitForExitAsync(Cancellation);
        Assert.Equal(65, sync.ExitCode);
        Assert.Contains("1.bin: Access to the path", error, StringComparison.Ordinal);
        var site = await host.Client.GetFromJsonAsync<JsonElement>("/v1/sites/music", Cancellation);
        Assert.Equal(0, site.GetProperty("releases").GetArrayLength());
    }

    [Fact]
    public async Task What_a_bucket_needs_is_printed()
    {
        var run = await commands.RunAsync([], "assets", "bucket-setup", "photos", "https://music.example.com");
        Assert.Equal(0, run.ExitCode);
        var documents = run.Output.Split('#').Select(part => part[(part.IndexOf('{') is var start and >= 0 ? start : part.Length)..]).Where(part => part.Length > 0);
        Assert.Equal(3, documents.Select(document => JsonDocument.Parse(document).RootElement.ValueKind).Count(kind => kind == JsonValueKind.Object));
        Assert.Contains("arn:aws:s3:::photos/sites/*/public/*", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "Assets__Url is missing", "sync", ".", "--site", "music")]
    [InlineData(2, "There is no option --frobnicate", "sync", ".", "--site", "music", "--frobnicate")]
    [InlineData(2, "There is no folder /nowhere", "sync", "/nowhere", "--site", "music")]
    [InlineData(2, "There is no such command", "frobnicate")]
    public async Task A_wrong_command_line_is_said_so(int exitCode, string sentence, params string[] arguments)
    {
        var run = await commands.RunAsync([], ["assets", .. arguments]);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains(sentence, run.Error, StringComparison.Ordinal);
    }

    private void Build(string page, int files)
    {
        Directory.CreateDirectory(Dist);
        File.WriteAllText(Path.Combine(Dist, "index.html"), page);
        for (var i = 0; i < files; i++)
        {
            var bytes = new byte[FileBytes];
            new Random(i).NextBytes(bytes);
            File.WriteAllBytes(Path.Combine(Dist, $"{i}.bin"), bytes);
        }
    }

    private Process Start(RunningHost host) => commands.Start(CommandSettings(host), "assets", "sync", Dist, "--site", "music");

    private Task<(int ExitCode, string Output, string Error)> SyncAsync(RunningHost host, params string[] options) =>
        commands.RunAsync(CommandSettings(host), ["assets", "sync", Dist, "--site", "music", .. options]);

    private Dictionary<string, string> CommandSettings(RunningHost host) => new()
    {
        ["Assets__Url"] = host.Client.BaseAddress!.ToString(),
        ["XDG_CACHE_HOME"] = commands.Folder,
    };

    private static Task<string> PageAsync(RunningHost host) => host.Client.GetStringAsync("/sites/music/production/", Cancellation);

    private int Count() => Directory.EnumerateFiles(Objects).Count();

    private async Task ReachAsync(int objects)
    {
        while (Count() < objects)
        {
            await Task.Delay(5, Cancellation);
        }
    }
}
