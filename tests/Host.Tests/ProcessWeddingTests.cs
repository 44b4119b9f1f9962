using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Platform.Storage;
using Xunit;

namespace Host.Tests;

/// <summary>The calls that frontends of the first API make, with jobs running.</summary>
public sealed class ProcessWeddingTests(WebHost host) : IClassFixture<WebHost>, IAsyncLifetime
{
    private readonly HttpClient client = host.CreateClient();
    private readonly string eventId = $"event-{Guid.NewGuid():n}";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var bytes = new byte[1000];
        foreach (var name in new[] { "a.jpg", "b.jpg" })
        {
            await using var body = new BufferBody(bytes, Crc32.Append(0, bytes));
            await host.Services.GetRequiredService<IObjectStorage>().PutAsync($"{eventId}/{name}", body, bytes.Length, "image/jpeg", Cancellation);
        }
    }

    public ValueTask DisposeAsync()
    {
        client.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task An_event_is_processed_and_its_status_leads_to_the_ZIP()
    {
        using var answer = await PostAsync("a.jpg", "b.jpg");
        Assert.Equal((HttpStatusCode.Accepted, $"/wedding/{eventId}/status"), (answer.StatusCode, answer.Headers.Location!.OriginalString));
        var accepted = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal(
            ["eventId", "albumId", "status", "progress", "files", "secondsLeft", "downloadUrl", "error"],
            accepted.EnumerateObject().Select(member => member.Name));
        Assert.Matches("^(queued|processing|completed)$", accepted.GetProperty("status").GetString());

        var status = await SettledAsync();
        Assert.Equal(("completed", 100), (status.GetProperty("status").GetString(), status.GetProperty("progress").GetInt32()));
        Assert.Equal("""{"total":2,"done":2}""", status.GetProperty("files").GetRawText());
        Assert.Equal(JsonValueKind.Null, status.GetProperty("error").ValueKind);
        var url = new Uri(status.GetProperty("downloadUrl").GetString()!);
        Assert.True(url.IsAbsoluteUri);
        Assert.NotEmpty(await client.GetByteArrayAsync(url.PathAndQuery, Cancellation));
    }

    [Fact]
    public async Task Asking_again_makes_no_other_album_unless_the_files_are_others()
    {
        var together = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => AlbumAsync("a.jpg")));
        var album = Assert.Single(together.Distinct());
        await SettledAsync();
        Assert.Equal(album, await AlbumAsync("a.jpg"));

        var other = await AlbumAsync("a.jpg", "b.jpg");
        Assert.NotEqual(album, other);
        Assert.Equal(other, (await SettledAsync()).GetProperty("albumId").GetGuid());
    }

    [Fact]
    public async Task A_failed_event_says_why_and_goes_on_when_it_is_asked_for_again()
    {
        var album = await AlbumAsync("not-there.jpg");
        var status = await SettledAsync();
        Assert.Equal("failed", status.GetProperty("status").GetString());
        Assert.Equal("NO_FILES", status.GetProperty("error").GetProperty("code").GetString());

        var bytes = new byte[10];
        await using var body = new BufferBody(bytes, Crc32.Append(0, bytes));
        await host.Services.GetRequiredService<IObjectStorage>().PutAsync($"{eventId}/not-there.jpg", body, bytes.Length, "image/jpeg", Cancellation);
        Assert.Equal(album, await AlbumAsync("not-there.jpg"));
        Assert.Equal("completed", (await SettledAsync()).GetProperty("status").GetString());
    }

    [Theory]
    [InlineData("""{"eventId":"../x","files":[{"key":"a.jpg"}]}""", 400, "INVALID_WEDDING_ID")]
    [InlineData("""{"files":[{"key":"a.jpg"}]}""", 400, "INVALID_WEDDING_ID")]
    [InlineData("""{"eventId":"e"}""", 409, "ALBUM_EMPTY")]
    [InlineData("""{"eventId":"e","files":[]}""", 409, "ALBUM_EMPTY")]
    [InlineData("""{"eventId":"e","files":[{"key":"albums/x"}]}""", 400, "INVALID_FILE")]
    [InlineData("""{"eventId":"e","files":"a.jpg"}""", 400, "INVALID_REQUEST")]
    public async Task A_wrong_request_is_refused_with_a_code(string body, int status, string code)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync("/process-wedding", content, Cancellation);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal((status, code), ((int)answer.StatusCode, problem.GetProperty("error").GetProperty("code").GetString()));
    }

    [Fact]
    public async Task An_event_that_was_never_processed_has_no_status()
    {
        using var answer = await client.GetAsync($"/wedding/{eventId}/status", Cancellation);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal("ALBUM_NOT_FOUND", problem.GetProperty("error").GetProperty("code").GetString());
    }

    private Task<HttpResponseMessage> PostAsync(params string[] names) => client.PostAsJsonAsync(
        "/process-wedding", new { eventId, files = names.Select(name => new { key = $"{eventId}/{name}", name }) }, Cancellation);

    private async Task<Guid> AlbumAsync(params string[] names)
    {
        using var answer = await PostAsync(names);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        return (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("albumId").GetGuid();
    }

    private async Task<JsonElement> SettledAsync()
    {
        var status = await client.GetFromJsonAsync<JsonElement>($"/wedding/{eventId}/status", Cancellation);
        await client.GetStringAsync($"/v1/albums/{status.GetProperty("albumId")}/progress", Cancellation); // ends with the album
        return await client.GetFromJsonAsync<JsonElement>($"/wedding/{eventId}/status", Cancellation);
    }
}
