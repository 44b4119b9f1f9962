using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Platform.Storage;
using Xunit;

namespace Host.Tests;

/// <summary>What becomes of an album after it was made, over HTTP and with its jobs running.</summary>
public sealed class AlbumLifecycleTests(WebHost host) : IClassFixture<WebHost>, IAsyncLifetime
{
    private readonly HttpClient client = host.CreateClient();
    private readonly string prefix = $"{Guid.NewGuid():n}/";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private IObjectStorage Storage => host.Services.GetRequiredService<IObjectStorage>();

    public async ValueTask InitializeAsync()
    {
        await PutAsync("a.jpg");
        await PutAsync("b.jpg");
    }

    public ValueTask DisposeAsync()
    {
        client.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_deleted_album_is_gone_and_leaves_nothing()
    {
        var wedding = $"deleted-{Guid.NewGuid():n}";
        var album = await CompletedAsync(new { weddingId = wedding, prefix });
        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync(album));
        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync(album));

        foreach (var (method, path) in new[] { ("GET", ""), ("GET", "/progress"), ("GET", "/download"), ("POST", "/replay"), ("POST", "/cancel") })
        {
            await AssertRefusedAsync(new HttpMethod(method), album + path, HttpStatusCode.Gone, "ALBUM_GONE");
        }

        Assert.Contains("album_deleted", await client.GetStringAsync($"{album}/log", Cancellation), StringComparison.Ordinal);
        await UntilAsync(async () => await ListAsync($"weddingId={wedding}&status=deleted") == 1);
        Assert.Equal(0, await ListAsync($"weddingId={wedding}"));
        await UntilAsync(async () => (await Storage.ListAsync($"albums/{album.Split('/')[^1]}/", continuation: null, Cancellation)).Objects.Count == 0);
        Assert.NotNull(await Storage.HeadAsync(prefix + "a.jpg", Cancellation));
    }

    /// <summary>Kept for as long as it is announced before: the first sweep announces it.</summary>
    [Fact]
    public async Task Who_has_the_link_is_reminded_before_the_album_expires()
    {
        await using var alone = new WebHost();
        await alone.InitializeAsync();
        await using var hasty = alone.WithWebHostBuilder(builder => builder
            .UseSetting("Albums:KeepDays", "7").UseSetting("Albums:RemindDays", "7").UseSetting("Albums:SweepInterval", "00:00:00.1"));
        using var guest = hasty.CreateClient();
        await PutAsync("a.jpg", hasty.Services.GetRequiredService<IObjectStorage>());
        var album = await CompletedAsync(new { weddingId = "w", prefix, notify = new { emails = new[] { "ann@example.com" } } }, guest);

        await UntilAsync(() => Task.FromResult(alone.Mails().Any(mail => mail.Contains("can be downloaded until", StringComparison.Ordinal))));
        var view = await guest.GetFromJsonAsync<JsonElement>(album, Cancellation);
        var days = view.GetProperty("expiresAt").GetDateTimeOffset() - view.GetProperty("completedAt").GetDateTimeOffset();
        Assert.Equal(7, days.TotalDays, tolerance: 0.01);
        Assert.Equal("completed", view.GetProperty("status").GetString());
    }

    private async Task PutAsync(string name, IObjectStorage? storage = null)
    {
        var bytes = new byte[100_000];
        Random.Shared.NextBytes(bytes);
        await using var body = new BufferBody(bytes, Crc32.Append(0, bytes));
        await (storage ?? Storage).PutAsync(prefix + name, body, bytes.Length, "image/jpeg", Cancellation);
    }

    private async Task<string> CompletedAsync(object request, HttpClient? guest = null)
    {
        using var requested = await (guest ?? client).PostAsJsonAsync("/v1/albums", request, Cancellation);
        var album = requested.Headers.Location!.OriginalString;
        await (guest ?? client).GetStringAsync($"{album}/progress", Cancellation); // ends with the album
        return album;
    }

    private async Task<HttpStatusCode> DeleteAsync(string album)
    {
        using var answer = await client.DeleteAsync(album, Cancellation);
        return answer.StatusCode;
    }

    private async Task<int> ListAsync(string query) =>
        (await client.GetFromJsonAsync<JsonElement>($"/v1/albums?{query}", Cancellation)).GetProperty("albums").GetArrayLength();

    private async Task AssertRefusedAsync(HttpMethod method, string path, HttpStatusCode status, string code)
    {
        using var request = new HttpRequestMessage(method, path);
        using var answer = await client.SendAsync(request, Cancellation);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal((status, code), (answer.StatusCode, problem.GetProperty("error").GetProperty("code").GetString()));
    }

    // What follows from an event is done by a subscription or a job, a moment later.
    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        while (!await holds())
        {
            await Task.Delay(50, Cancellation);
        }
    }
}
