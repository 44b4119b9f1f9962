using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using Xunit;

namespace Uploads.Tests;

/// <summary>Clients of others, over connections that break: tus-js-client in node, and curl. The file is the same in the end.</summary>
public sealed class RealClientTests(FolderNode node) : IClassFixture<FolderNode>, IAsyncLifetime
{
    private static readonly byte[] Bytes = RandomNumberGenerator.GetBytes((40 << 20) + 4_321);

    private readonly string file = Path.GetTempFileName();
    private readonly AppendClient client = new(node.Host);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Clients => Path.Combine(Path.GetDirectoryName(Here())!, "../../Clients");

    public async ValueTask InitializeAsync() => await File.WriteAllBytesAsync(file, Bytes, Cancellation);

    public ValueTask DisposeAsync()
    {
        File.Delete(file);
        return ValueTask.CompletedTask;
    }

    /// <summary>One stream that is cut four times; four streams that are cut, and concatenated.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task Tus_js_client_resumes(int parallel)
    {
        Assert.True(Directory.Exists(Path.Combine(Clients, "node_modules/tus-js-client")), "The clients are not installed: scripts/install-test-tools.sh does it.");
        await using var proxy = new CuttingProxy(node.Host.Client.BaseAddress!, 3_000_000, 4_500_000, 4_000_000, 2_222_222);
        var output = await RunAsync("node", Path.Combine(Clients, "tus.mjs"), $"{proxy.Address}v1/tus", file, $"{parallel}");
        var result = JsonDocument.Parse(output).RootElement;
        Assert.Equal(0, proxy.CutsLeft);
        Assert.True(result.GetProperty("retries").GetInt32() >= (parallel == 1 ? 4 : 1), output);
        await client.HoldsAsync(new Uri(result.GetProperty("url").GetString()!).AbsolutePath, node.Storage, Bytes);
    }

    /// <summary>curl knows nothing of either protocol; a few lines of shell make it resume.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Curl_resumes(bool isTus)
    {
        await using var proxy = new CuttingProxy(node.Host.Client.BaseAddress!, 5_000_000, 9_999_999);
        var created = isTus
            ? await client.TusCreateAsync(Bytes.Length)
            : await client.CreateEmptyAsync($"Upload-Length: {Bytes.Length}");
        var url = new Uri(proxy.Address, created).ToString();
        var appends = 0;
        while (true)
        {
            var head = isTus ? await client.TusHeadAsync(created) : await client.OffsetAsync(created);
            var offset = long.Parse(head["Upload-Offset"], CultureInfo.InvariantCulture);
            if (isTus ? offset == Bytes.Length : head["Upload-Complete"] == "?1")
                break;
            appends++;
            await RunAsync(
                "sh", "-c",
                $"tail -c +{offset + 1} '{file}' | curl -s -o /dev/null -X PATCH -H 'Expect:' -H 'Upload-Offset: {offset}' -T - "
                    + (isTus ? "-H 'Tus-Resumable: 1.0.0' -H 'Content-Type: application/offset+octet-stream' " : "-H 'Upload-Complete: ?1' -H 'Content-Type: application/partial-upload' ")
                    + $"'{url}' || true");
        }

        Assert.Equal(3, appends);
        await client.HoldsAsync(created, node.Storage, Bytes);
    }

    private static async Task<string> RunAsync(string program, params IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync(Cancellation);
        var output = await process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        Assert.True(process.ExitCode == 0, await error);
        return output;
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
