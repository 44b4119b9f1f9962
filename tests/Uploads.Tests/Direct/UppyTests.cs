using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Playwright;
using Platform.Storage;
using Testing;
using Xunit;

namespace Uploads.Tests;

/// <summary>
/// Uppy in a browser, on a page of another origin: its uploads are cut off, and go on after the page was loaded again. The store is a real S3 server.
/// </summary>
public sealed class UppyTests : IAsyncLifetime
{
    private static readonly byte[] Bytes = RandomNumberGenerator.GetBytes((26 << 20) + 4_321);

    // A page's script has no limit of its own.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    private const int MostLoads = 3;

    private readonly string file = Path.Combine(Directory.CreateTempSubdirectory("uppy-").FullName, "Zoë & Max.txt");
    private TestDatabase database = null!;
    private S3Options bucket = null!;
    private IPlaywright playwright = null!;
    private IBrowser browser = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllBytesAsync(file, Bytes, Cancellation);
        database = await TestPostgres.CreateDatabaseAsync();
        bucket = await CephServer.OwnBucketAsync();
        Assert.True(File.Exists("/usr/bin/chromium"), "There is no chromium: scripts/install-test-tools.sh installs it.");
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = "/usr/bin/chromium",

            // The page's address is none: nothing leaves this machine, and the page may call it.
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-features=LocalNetworkAccessChecks", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        await browser.DisposeAsync();
        playwright.Dispose();
        await database.DisposeAsync();
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    /// <summary>A connection breaks at 5 MB and is tried again; another one stands still, and the page is loaded again.</summary>
    [Fact]
    public async Task Uppy_tus_goes_on_after_a_reload()
    {
        using var storage = new S3ObjectStorage(bucket, TimeProvider.System);
        await using var host = await UploadHost.StartAsync(database.ConnectionString, storage);
        await using var proxy = new CuttingProxy(host.Client.BaseAddress!, 5_000_000, -6_000_000);
        var result = await SendAsync("tus", $"{proxy.Address}v1/tus?userRole=member", proxy);
        var id = Guid.Parse(new Uri(result.GetProperty("url").GetString()!).Segments[^1]);
        await AssertStoredAsync(host, storage, id, verify: false);
    }

    /// <summary>There is nothing to append to it: it is complete when it was created.</summary>
    [Fact]
    public async Task Uppy_tus_sends_an_empty_file()
    {
        await File.WriteAllBytesAsync(file, [], Cancellation);
        using var storage = new S3ObjectStorage(bucket, TimeProvider.System);
        await using var host = await UploadHost.StartAsync(database.ConnectionString, storage);
        await using var context = await browser.NewContextAsync();
        var page = await OpenAsync(context);
        var result = await EvaluateAsync(page, "tus", $"{host.Client.BaseAddress}v1/tus?userRole=member").WaitAsync(Longest, Cancellation);
        Assert.True(result.GetProperty("failed").GetArrayLength() == 0, result.ToString());
        var id = Guid.Parse(new Uri(result.GetProperty("url").GetString()!).Segments[^1]);
        var upload = (await host.Events.FoldAsync<Upload, IUploadEvent>(id, Cancellation)).State.Result!;
        Assert.Equal(("Zoë & Max.txt", 0, 0u), (upload.FileName, upload.SizeBytes, upload.Crc32));
        Assert.Equal(0, (await storage.HeadAsync(upload.Key, Cancellation))?.SizeBytes);
    }

    /// <summary>The parts go to the bucket, over connections that break.</summary>
    [Fact]
    public async Task Uppy_aws_s3_goes_on_after_a_reload()
    {
        await CephServer.AllowPutsAsync(bucket, UploadHost.Origin);
        await using var proxy = new CuttingProxy(new Uri(bucket.Endpoint!), 3_000_000, -7_000_000);
        using var storage = new S3ObjectStorage(bucket with { Endpoint = $"https://{proxy.Address.Authority}" }, TimeProvider.System);
        await using var host = await UploadHost.StartAsync(database.ConnectionString, storage);
        var result = await SendAsync("aws-s3", $"{host.Client.BaseAddress}v1", proxy);
        Assert.True(result.GetProperty("firstProgress").GetInt64() >= 5 << 20, $"Parts were sent again: {result}");
        await AssertStoredAsync(host, storage, result.GetProperty("uploadId").GetGuid(), verify: true);
    }

    private static async Task AssertStoredAsync(UploadHost host, S3ObjectStorage storage, Guid id, bool verify)
    {
        if (verify)
        {
            Assert.Equal("verifying", (await host.StatusAsync(id)).GetProperty("status").GetString());
            await host.VerifyAsync(id);
        }

        var upload = (await host.Events.FoldAsync<Upload, IUploadEvent>(id, Cancellation)).State.Result!;
        Assert.Equal(("Zoë & Max.txt", (long)Bytes.Length, Crc32.Append(0, Bytes)), (upload.FileName, upload.SizeBytes, upload.Crc32));

        // It went on with the upload it had begun.
        var listed = default(JsonElement);
        await Eventually.HoldsAsync(async () =>
        {
            listed = await UploadHost.ReadAsync(await host.Client.GetAsync("/v1/uploads?weddingId=uppy", Cancellation), 200);
            return listed.GetProperty("uploads").EnumerateArray().Any(row => row.GetProperty("status").GetString() == "completed");
        });
        Assert.Equal(id, Assert.Single(listed.GetProperty("uploads").EnumerateArray()).Id());
        await using var stored = await storage.ReadAsync(upload.Key, null, null, Cancellation);
        Assert.Equal(SHA256.HashData(Bytes), await SHA256.HashDataAsync(stored, Cancellation));
    }

    /// <summary>Sends the file until a connection stands still, loads the page again, and sends it to its end.</summary>
    private async Task<JsonElement> SendAsync(string plugin, string endpoint, CuttingProxy proxy)
    {
        await using var context = await browser.NewContextAsync(new() { IgnoreHTTPSErrors = true });
        var page = await OpenAsync(context);
        var first = EvaluateAsync(page, plugin, endpoint);
        await await Task.WhenAny(proxy.Stalled, first).WaitAsync(Longest, Cancellation);
        Assert.True(proxy.Stalled.IsCompleted, "It came to an end before its connection stood still.");
        await LoadAsync(page);
        await Assert.ThrowsAsync<PlaywrightException>(() => first.WaitAsync(Longest, Cancellation));
        for (var loads = 1; ; loads++)
        {
            try
            {
                var result = (await EvaluateAsync(page, plugin, endpoint).WaitAsync(Longest, Cancellation)).Clone();
                Assert.True(result.GetProperty("failed").GetArrayLength() == 0, result.ToString());
                Assert.Equal(0, proxy.CutsLeft);
                return result;
            }
            catch (TimeoutException) when (loads < MostLoads)
            {
                // On a busy machine the page stands still now and then. Whoever sees that loads it again.
                TestContext.Current.SendDiagnosticMessage($"{plugin} stood still after a reload; the page is loaded again.");
                await LoadAsync(page);
            }
        }
    }

    private async Task<IPage> OpenAsync(IBrowserContext context)
    {
        var page = await context.NewPageAsync();
        await page.RouteAsync($"{UploadHost.Origin}/", route => route.FulfillAsync(new() { ContentType = "text/html", Body = "<!doctype html><input type=file>" }));
        await LoadAsync(page);
        return page;
    }

    private async Task LoadAsync(IPage page)
    {
        var script = Path.Combine(Path.GetDirectoryName(Here())!, "../../Clients/node_modules/uppy.bundle.js");
        Assert.True(File.Exists(script), "Uppy is not installed: scripts/install-test-tools.sh does it.");
        await page.GotoAsync($"{UploadHost.Origin}/");
        await page.AddScriptTagAsync(new() { Path = script });
        await page.SetInputFilesAsync("input", file);
    }

    private static Task<JsonElement> EvaluateAsync(IPage page, string plugin, string endpoint) =>
        page.EvaluateAsync<JsonElement>("([plugin, endpoint]) => send(plugin, endpoint)", new[] { plugin, endpoint });

    private static string Here([CallerFilePath] string path = "") => path;
}
