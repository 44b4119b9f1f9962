using System.Diagnostics;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Xunit;

namespace Host.Tests;

/// <summary>A real client and a real host that is killed in between: the download goes on where it stopped.</summary>
public sealed class ResumedDownloadTests : IAsyncLifetime
{
    private const int FileBytes = 8 << 20;
    private const int Files = 8;

    private HostFolder folder = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        folder = await HostFolder.CreateAsync();
        var sources = Directory.CreateDirectory(folder.PathOf("storage", "sources")).FullName;
        for (var i = 0; i < Files; i++)
        {
            await File.WriteAllBytesAsync(Path.Combine(sources, $"{i}.bin"), RandomNumberGenerator.GetBytes(FileBytes), Cancellation);
        }
    }

    public ValueTask DisposeAsync() => folder.DisposeAsync();

    /// <param name="stored">Else the ZIP is lost, and every byte is computed.</param>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Curl_goes_on_after_the_server_was_killed(bool stored)
    {
        var target = folder.PathOf("album.zip");
        var first = await RunningHost.StartAsync(folder.Settings);
        await using (first)
        {
            using var requested = await first.Client.PostAsJsonAsync("/v1/albums", new { weddingId = "ann-bob", prefix = "sources/" }, Cancellation);
            var album = requested.Headers.Location!.OriginalString;
            await first.Client.GetStringAsync($"{album}/progress", Cancellation); // ends with the album
            var zip = folder.PathOf("storage", "albums", album.Split('/')[^1], "ann-bob.zip");
            var hash = await HashAsync(zip);
            if (!stored)
            {
                File.Delete(zip);
            }

            using var curl = Curl(first, album, target, "--limit-rate", "8M");
            while (!File.Exists(target) || new FileInfo(target).Length < FileBytes)
            {
                Assert.False(curl.HasExited, "It was all there before the host could be killed.");
                await Task.Delay(5, Cancellation);
            }

            await first.KillAsync();
            await curl.WaitForExitAsync(Cancellation);
            Assert.NotEqual(0, curl.ExitCode);
            Assert.InRange(new FileInfo(target).Length, FileBytes, (Files * FileBytes) - 1);

            await using var second = await RunningHost.StartAsync(folder.Settings);
            using var resumed = Curl(second, album, target, "-C", "-");
            await resumed.WaitForExitAsync(Cancellation);
            Assert.Equal(0, resumed.ExitCode);
            Assert.Equal(hash, await HashAsync(target));
        }
    }

    private static Process Curl(RunningHost host, string album, string target, params string[] options) =>
        Process.Start("curl", ["-sS", "--fail", "-o", target, .. options, new Uri(host.Client.BaseAddress!, $"{album}/download").ToString()]);

    private static async Task<string> HashAsync(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, Cancellation));
    }
}
