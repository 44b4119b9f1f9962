using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Platform.Storage;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>What the receiver that a request named is told about its album, with jobs running.</summary>
public sealed class AlbumWebhookTests : IAsyncLifetime
{
    private readonly WebHost database = new();
    private WebhookReceiver receiver = null!;
    private WebApplicationFactory<Program> host = null!;
    private HttpClient client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await database.InitializeAsync();
        receiver = await WebhookReceiver.StartAsync();
        host = database.WithWebHostBuilder(builder => builder
            .UseSetting("Webhooks:Secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .UseSetting("Webhooks:ProgressInterval", "00:00:00")
            .UseSetting("Outbound:PrivateHosts", $"127.0.0.1:{receiver.Url.Port}"));
        client = host.CreateClient();
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await host.DisposeAsync();
        await receiver.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task A_receiver_is_told_that_an_album_is_complete_and_once_more_when_somebody_asks()
    {
        var bytes = new byte[20 << 20];
        await using (var body = new BufferBody(bytes, Crc32.Append(0, bytes)))
        {
            await host.Services.GetRequiredService<IObjectStorage>().PutAsync("w/a.mov", body, bytes.Length, "video/quicktime", Cancellation);
        }

        var album = await RequestAsync("w/a.mov");
        var completed = await ToldAsync("album.completed");
        Assert.Equal(1, completed.GetProperty("version").GetInt32());
        var told = completed.GetProperty("data");
        Assert.Equal(
            ["albumId", "weddingId", "status", "files", "missingFiles", "sizeBytes", "downloadUrl", "failure", "volumes"],
            told.EnumerateObject().Select(member => member.Name));
        Assert.Equal(("completed", 1, 0), (told.GetProperty("status").GetString(), told.GetProperty("files").GetInt32(), told.GetProperty("missingFiles").GetInt32()));
        Assert.EndsWith($"{album}/download", told.GetProperty("downloadUrl").GetString(), StringComparison.Ordinal);

        // Progress is told before the end or not at all.
        var types = receiver.Messages.Select(message => TypeOf(message.Body)).ToArray();
        Assert.Equal("album.completed", types[^1]);
        Assert.All(types[..^1], type => Assert.Equal("album.progress", type));

        var listed = await ListedAsync(album);
        Assert.Equal(("album.completed", "delivered"), (listed.GetProperty("type").GetString(), listed.GetProperty("status").GetString()));
        var id = listed.GetProperty("webhookId").GetString();
        using var again = await client.PostAsync($"{album}/webhooks/{id}/redeliver", null, Cancellation);
        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        while (receiver.Messages.Count(message => message.Id == id) < 2)
        {
            await Task.Delay(20, Cancellation);
        }

        Assert.Single(receiver.Messages.Where(message => message.Id == id).Select(message => message.Body).Distinct());
        var log = await client.GetStringAsync($"{album}/log", Cancellation);
        Assert.DoesNotContain("token=secret", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receiver_is_told_why_an_album_failed_and_that_it_was_cancelled()
    {
        var album = await RequestAsync("w/gone.jpg");
        var failed = (await ToldAsync("album.failed")).GetProperty("data");
        Assert.Equal("NO_FILES", failed.GetProperty("failure").GetProperty("reason").GetString());
        Assert.Equal(JsonValueKind.Null, failed.GetProperty("downloadUrl").ValueKind);
        using var cancelled = await client.PostAsync($"{album}/cancel", null, Cancellation);
        Assert.Equal("cancelled", (await ToldAsync("album.cancelled")).GetProperty("data").GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_message_that_there_is_not_cannot_be_sent_again()
    {
        var album = await RequestAsync("w/gone.jpg");
        foreach (var id in new[] { "nonsense", $"msg_{Guid.Parse(album.Split('/')[^1]):n}_1", $"msg_{Guid.Parse(album.Split('/')[^1]):n}_999" })
        {
            using var answer = await client.PostAsync($"{album}/webhooks/{id}/redeliver", null, Cancellation);
            var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
            Assert.Equal("WEBHOOK_NOT_FOUND", problem.GetProperty("error").GetProperty("code").GetString());
        }
    }

    [Fact]
    public async Task An_address_that_is_not_public_is_refused()
    {
        var request = new { weddingId = "w", files = new[] { new { key = "a.jpg" } }, notify = new { webhookUrl = "https://192.168.1.1/hook" } };
        using var answer = await client.PostAsJsonAsync("/v1/albums", request, Cancellation);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal("INVALID_WEBHOOK_URL", problem.GetProperty("error").GetProperty("code").GetString());
    }

    private async Task<string> RequestAsync(string key)
    {
        var request = new { weddingId = "w", files = new[] { new { key } }, notify = new { webhookUrl = new Uri(receiver.Url, "hook?token=secret") } };
        using var answer = await client.PostAsJsonAsync("/v1/albums", request, Cancellation);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        return answer.Headers.Location!.OriginalString;
    }

    private async Task<JsonElement> ToldAsync(string type)
    {
        while (true)
        {
            if (receiver.Messages.FirstOrDefault(message => TypeOf(message.Body) == type) is { } message)
            {
                return JsonSerializer.Deserialize<JsonElement>(message.Body);
            }

            await Task.Delay(20, Cancellation);
        }
    }

    // The receiver has the message a moment before the log does.
    private async Task<JsonElement> ListedAsync(string album)
    {
        while (true)
        {
            var list = await client.GetFromJsonAsync<JsonElement>($"{album}/webhooks", Cancellation);
            if (list.GetProperty("messages").EnumerateArray().FirstOrDefault() is { ValueKind: JsonValueKind.Object } newest
                && newest.GetProperty("type").GetString() == "album.completed")
            {
                return newest;
            }

            await Task.Delay(20, Cancellation);
        }
    }

    private static string? TypeOf(string body) => JsonSerializer.Deserialize<JsonElement>(body).GetProperty("type").GetString();
}
