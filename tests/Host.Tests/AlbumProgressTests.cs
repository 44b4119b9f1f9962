using System.Net;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Xunit;

namespace Host.Tests;

/// <summary>Progress as a browser's <c>EventSource</c> follows it: it comes back whenever an answer ends, until it gets a 204.</summary>
public sealed class AlbumProgressTests : IAsyncLifetime
{
    private readonly WebHost host = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => host.InitializeAsync();

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Fact]
    public async Task Who_follows_over_a_restart_sees_the_album_settle_and_then_nothing_more()
    {
        string album;
        string? lastEventId;
        await using (var before = host.WithWebHostBuilder(builder => builder.UseSetting("Roles", "web")))
        {
            using var browser = before.CreateClient();
            using var requested = await browser.PostAsJsonAsync("/v1/albums", new { weddingId = "w", files = new[] { new { key = "gone.jpg" } } }, Cancellation);
            album = requested.Headers.Location!.OriginalString;
            using var progress = await FollowAsync(browser, album, lastEventId: null);
            await using var body = await progress.Content.ReadAsStreamAsync(Cancellation);
            await using var events = SseParser.Create(body).EnumerateAsync(Cancellation).GetAsyncEnumerator(Cancellation);
            Assert.True(await events.MoveNextAsync());
            Assert.Equal("requested", StatusOf(events.Current));
            lastEventId = events.Current.EventId;
        }

        using var after = host.CreateClient();
        using (var progress = await FollowAsync(after, album, lastEventId))
        {
            Assert.Equal("no", progress.Headers.GetValues("X-Accel-Buffering").Single());
            await using var body = await progress.Content.ReadAsStreamAsync(Cancellation);
            var events = await SseParser.Create(body).EnumerateAsync(Cancellation).ToListAsync(Cancellation);
            Assert.Equal("failed", StatusOf(events[^1]));
            Assert.NotEqual(lastEventId, events[^1].EventId);
            lastEventId = events[^1].EventId;
        }

        using var nothing = await FollowAsync(after, album, lastEventId);
        Assert.Equal(HttpStatusCode.NoContent, nothing.StatusCode);

        using var cancelled = await after.PostAsync($"{album}/cancel", null, Cancellation);
        using var news = await FollowAsync(after, album, lastEventId);
        Assert.Equal(HttpStatusCode.OK, news.StatusCode);
    }

    private static async Task<HttpResponseMessage> FollowAsync(HttpClient browser, string album, string? lastEventId)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{album}/progress");
        request.Headers.Add("Accept", "text/event-stream");
        request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        return await browser.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
    }

    private static string? StatusOf(SseItem<string> e)
    {
        using var album = JsonDocument.Parse(e.Data);
        return album.RootElement.GetProperty("status").GetString();
    }
}
