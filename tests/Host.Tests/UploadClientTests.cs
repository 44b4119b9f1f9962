using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Xunit;

namespace Host.Tests;

/// <summary>The TypeScript client of <c>clients/upload</c>, in Node, against the real host.</summary>
public sealed class UploadClientTests : IAsyncLifetime
{
    private HostFolder folder = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => folder = await HostFolder.CreateAsync();

    public ValueTask DisposeAsync() => folder.DisposeAsync();

    [Fact]
    public async Task A_client_killed_in_the_middle_sends_only_the_rest_and_the_bytes_are_the_same()
    {
        await using var host = await RunningHost.StartAsync(folder.Settings);
        var photo = folder.PathOf("Braut & Bräutigam.jpg");
        byte[] content = [0xFF, 0xD8, 0xFF, 0xE0, .. RandomNumberGenerator.GetBytes(33 << 20)]; // seven chunks of 5 MiB
        await File.WriteAllBytesAsync(photo, content, Cancellation);

        var killed = await UploadAsync(host, photo, "3");
        var resumed = await UploadAsync(host, photo);

        Assert.NotEqual(0, killed.ExitCode);
        Assert.Equal((0, ""), (resumed.ExitCode, resumed.Error));
        var answer = JsonDocument.Parse(resumed.Output).RootElement;
        Assert.InRange(answer.GetProperty("sent").GetInt32(), 1, 4); // a chunk on its way when the client died may have arrived
        var stored = folder.PathOf("storage", answer.GetProperty("file").GetProperty("key").GetString()!);
        Assert.Equal(SHA256.HashData(content), SHA256.HashData(await File.ReadAllBytesAsync(stored, Cancellation)));
    }

    private async Task<(int ExitCode, string Output, string Error)> UploadAsync(RunningHost host, params string[] arguments)
    {
        var client = Path.Combine(HostProcess.Repository, "clients/upload/dist/test/test/host/uploadFile.js");
        Assert.True(File.Exists(client), "The client is not built: (cd clients/upload && npm ci && npm test) does it.");
        var memory = folder.PathOf("memory.json");
        string[] all = ["--no-warnings", client, host.Client.BaseAddress!.ToString(), arguments[0], memory, .. arguments[1..]];
        using var process = Process.Start(new ProcessStartInfo("node", all) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync(Cancellation);
        var error = process.StandardError.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        return (process.ExitCode, await output, await error);
    }
}
