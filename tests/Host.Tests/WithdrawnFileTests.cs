using System.IO.Compression;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.Accounts;
using Xunit;

namespace Host.Tests;

/// <summary>What becomes of albums when a guest takes a file back.</summary>
public sealed class WithdrawnFileTests : IAsyncLifetime
{
    private readonly HostProcess process = new();
    private HostFolder folder = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        folder = await HostFolder.CreateAsync();
        folder.Settings["Albums__Run"] = "Batch"; // packed when the test says so
    }

    public ValueTask DisposeAsync()
    {
        process.Dispose();
        return folder.DisposeAsync();
    }

    [Fact]
    public async Task An_album_underway_lists_it_as_missing_and_later_ones_do_not_know_it()
    {
        await using var host = await RunningHost.StartAsync(folder.Settings);
        var http = host.Client;
        await SendAsync(http, "kept.txt");
        var (back, token) = await SendAsync(http, "back.txt");
        var underway = await RequestAsync(http);
        using (var plan = await http.GetAsync($"{underway}/download", HttpCompletionOption.ResponseHeadersRead, Cancellation))
        {
            plan.EnsureSuccessStatusCode(); // from here on both files are in its plan
        }

        using var withdrawn = await http.PostAsJsonAsync($"/v1/uploads/{back}/withdraw", new { token }, Cancellation);
        withdrawn.EnsureSuccessStatusCode();
        Assert.Equal(["kept.txt", "_MISSING.txt"], await EntriesAsync(http, underway));
        Assert.Equal(["kept.txt"], await EntriesAsync(http, await RequestAsync(http)));
    }

    private async Task<string[]> EntriesAsync(HttpClient http, string album)
    {
        Assert.Equal(0, (await process.RunAsync(folder.Settings, ["albums", "zip", album.Split('/')[^1]])).ExitCode);
        await using var zip = await http.GetStreamAsync($"{album}/download", Cancellation);
        await using var file = new FileStream(folder.PathOf("album.zip"), FileMode.Create);
        await zip.CopyToAsync(file, Cancellation);
        await using var archive = new ZipArchive(file, ZipArchiveMode.Read);
        return [.. archive.Entries.Select(entry => entry.Name)];
    }

    private static async Task<string> RequestAsync(HttpClient http)
    {
        using var requested = await http.PostAsJsonAsync("/v1/albums", new { weddingId = "w" }, Cancellation);
        return requested.EnsureSuccessStatusCode().Headers.Location!.OriginalString;
    }

    private static async Task<(string UploadId, string Token)> SendAsync(HttpClient http, string fileName)
    {
        var token = Secret.New();
        var begun = await PostAsync("init", new
        {
            fileName,
            contentType = "text/plain",
            sizeBytes = fileName.Length,
            userRole = "subscriber",
            userId = "g1",
            weddingId = "w",
            withdrawToken = token,
        });
        var id = begun.GetProperty("uploadId").GetString()!;
        using var put = new HttpRequestMessage(HttpMethod.Put, $"/v1/uploads/{id}/chunk") { Content = new StringContent(fileName) };
        put.Headers.Add("X-Chunk-Index", "0");
        using var chunk = await http.SendAsync(put, Cancellation);
        var etag = (await chunk.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("etag").GetString();
        await PostAsync($"{id}/complete", new { parts = new[] { new { chunkIndex = 0, etag } } });
        return (id, token);

        async Task<JsonElement> PostAsync(string path, object body)
        {
            using var answer = await http.PostAsJsonAsync($"/v1/uploads/{path}", body, Cancellation);
            return await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        }
    }
}
