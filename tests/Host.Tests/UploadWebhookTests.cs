using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.Testing;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>What the receiver of a deployment is told about uploads, with jobs running.</summary>
public sealed class UploadWebhookTests : IAsyncLifetime
{
    private readonly WebHost database = new();
    private WebhookReceiver receiver = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await database.InitializeAsync();
        receiver = await WebhookReceiver.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await receiver.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task A_receiver_is_told_of_every_upload_that_completes_and_again_until_it_takes_it()
    {
        var refused = 0;
        receiver.Answer = context =>
        {
            context.Response.StatusCode = Interlocked.Increment(ref refused) == 1 ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        };
        await using var host = Configured(new Uri(receiver.Url, "/uploads?token=secret").AbsoluteUri, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        using var client = host.CreateClient();
        var id = await UploadAsync(client);
        while (receiver.Messages.Count < 2)
        {
            await Task.Delay(20, Cancellation);
        }

        var message = receiver.Messages[0];
        Assert.Equal($"msg_{id:n}_4", message.Id);
        Assert.Equal((message.Id, message.Body), (receiver.Messages[1].Id, receiver.Messages[1].Body));
        Assert.StartsWith("v1,", message.Headers["webhook-signature"].ToString(), StringComparison.Ordinal);
        using var told = JsonDocument.Parse(message.Body);
        var data = told.RootElement.GetProperty("data");
        Assert.Equal("upload.completed", told.RootElement.GetProperty("type").GetString());
        Assert.Equal(
            ["uploadId", "weddingId", "key", "fileName", "contentType", "sizeBytes", "crc32", "media", "completedAt"],
            data.EnumerateObject().Select(member => member.Name));
        Assert.Equal((id, "w1", 3), (data.GetProperty("uploadId").GetGuid(), data.GetProperty("weddingId").GetString(), data.GetProperty("sizeBytes").GetInt64()));
        Assert.Equal("352441c2", data.GetProperty("crc32").GetString());

        var listed = await DeliveredAsync(client, id);
        Assert.Equal(message.Id, listed.GetProperty("webhookId").GetString());
        using var again = await client.PostAsync($"/v1/uploads/{id}/webhooks/{message.Id}/redeliver", null, Cancellation);
        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        using var other = await client.PostAsync($"/v1/uploads/{id}/webhooks/msg_{id:n}_3/redeliver", null, Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
        while (receiver.Messages.Count < 3)
        {
            await Task.Delay(20, Cancellation);
        }

        Assert.Equal((message.Id, message.Body), (receiver.Messages[2].Id, receiver.Messages[2].Body));
    }

    [Fact]
    public async Task Nobody_is_told_where_nobody_is_named()
    {
        await using var host = Configured("", "");
        using var client = host.CreateClient();
        await UploadAsync(client);
        Assert.Empty(receiver.Messages);
    }

    // The receiver has the message a moment before the log does, and what is asked for in between is taken for delivered.
    private static async Task<JsonElement> DeliveredAsync(HttpClient client, Guid id)
    {
        while (true)
        {
            var list = await client.GetFromJsonAsync<JsonElement>($"/v1/uploads/{id}/webhooks", Cancellation);
            var message = Assert.Single(list.GetProperty("messages").EnumerateArray());
            if (message.GetProperty("status").GetString() == "delivered")
            {
                return message;
            }

            await Task.Delay(20, Cancellation);
        }
    }

    private static async Task<Guid> UploadAsync(HttpClient client)
    {
        var file = new { fileName = "a.txt", contentType = "text/plain", sizeBytes = 3, userRole = "member", userId = "u1", weddingId = "w1" };
        using var begun = await client.PostAsJsonAsync("/v1/uploads/init", file, Cancellation);
        var id = (await begun.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("uploadId").GetGuid();
        using var request = new HttpRequestMessage(HttpMethod.Put, $"/v1/uploads/{id}/chunk") { Content = new ByteArrayContent("abc"u8.ToArray()) };
        request.Headers.Add("X-Chunk-Index", "0");
        using var stored = await client.SendAsync(request, Cancellation);
        var etag = (await stored.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("etag").GetString();
        using var completed = await client.PostAsJsonAsync($"/v1/uploads/{id}/complete", new { parts = new[] { new { chunkIndex = 0, etag } } }, Cancellation);
        completed.EnsureSuccessStatusCode();
        return id;
    }

    private WebApplicationFactory<Program> Configured(string url, string secret) => database.WithWebHostBuilder(builder => builder
        .UseSetting("Webhooks:Secret", secret)
        .UseSetting("Uploads:WebhookUrl", url)
        .UseSetting("Outbound:PrivateHosts", $"127.0.0.1:{receiver.Url.Port}"));
}
