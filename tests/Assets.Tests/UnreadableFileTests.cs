using System.Diagnostics;
using System.Runtime.Versioning;
using Xunit;

namespace Assets.Tests;

/// <summary>Files that who runs the command line may not read. Tests often run as root, who may read everything: the process gives that right up.</summary>
[SupportedOSPlatform("linux")]
public sealed class UnreadableFileTests : SiteTest
{
    private const int FolderRefused = 65;

    private static readonly string[] WithoutRights = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];

    [Theory]
    [InlineData("secret.txt", "secret.txt: ")]
    [InlineData("secret", "secret/: ")]
    public async Task What_may_not_be_read_is_named_and_nothing_is_brought(string unreadable, string named)
    {
        Write("index.html", "<p>");
        Write("secret.txt", "nobody's");
        Write("secret/a.txt", "nobody's");
        File.SetUnixFileMode(Path.Combine(Dist, unreadable), UnixFileMode.None);
        var (exitCode, said) = await SyncByProcessAsync();
        File.SetUnixFileMode(Path.Combine(Dist, unreadable), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.True(exitCode == FolderRefused, $"It ended with {exitCode}: {said}");
        Assert.Contains(said.Split('\n'), line => line.StartsWith(named, StringComparison.Ordinal) && line.Contains("denied", StringComparison.Ordinal));
        Assert.Equal(["site_registered"], await Server.HistoryAsync(Site));

        (exitCode, said) = await SyncByProcessAsync();
        Assert.True(exitCode == 0, $"It ended with {exitCode}: {said}");
        await AssertServedAsync();
    }

    private async Task<(int ExitCode, string Said)> SyncByProcessAsync()
    {
        string[] program = [.. SiteServer.Host.SkipLast(1), "assets", "sync", Dist, "--site", Site, "--cache", Path.Combine(Scratch, "hashes")];
        string[] command = Environment.IsPrivilegedProcess ? [.. WithoutRights, .. program] : program;
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment = { ["Assets__Url"] = Server.Client.BaseAddress!.ToString() },
        })!;
        var output = process.StandardOutput.ReadToEndAsync(Cancel);
        var said = await process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, said + await output);
    }
}
