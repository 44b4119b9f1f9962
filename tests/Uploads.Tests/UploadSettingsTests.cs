using System.Net.Http.Json;
using System.Text.Json;
using Xunit;
using static Uploads.Tests.UploadHost;

namespace Uploads.Tests;

/// <summary>A node of its own for each test: settings hold for all of it.</summary>
public sealed class UploadSettingsTests : IAsyncLifetime
{
    private readonly FolderNode node = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private UploadHost Host => node.Host;

    public ValueTask InitializeAsync() => node.InitializeAsync();

    public ValueTask DisposeAsync() => node.DisposeAsync();

    [Fact]
    public async Task Limits_change_at_once_on_every_node_and_uploads_keep_the_terms_they_began_with()
    {
        await using var another = await UploadHost.StartAsync(node.ConnectionString, node.Storage, work: false);
        var before = (await Host.InitAsync(2_000)).Id();
        await ReadAsync(await PutAsync("\"0\"", new { maxSizeBytes = 1_000, contentTypes = new[] { "text/plain" } }), 200);
        var problem = await RefusedAsync(await Host.PostInitAsync(1_001), 413, "FILE_TOO_LARGE");
        Assert.Equal(1_000, problem.GetProperty("maxSizeBytes").GetInt64());
        await RefusedAsync(await Host.PostInitAsync(1_000, contentType: "image/jpeg"), 415, "UNSUPPORTED_CONTENT_TYPE");
        await Eventually.HoldsAsync(async () =>
        {
            using var answer = await another.PostInitAsync(1_001);
            return answer.StatusCode is System.Net.HttpStatusCode.RequestEntityTooLarge;
        });
        await Host.SendAsync(before, 0, new byte[2_000]);
    }

    [Fact]
    public async Task A_file_of_more_than_ten_thousand_parts_is_refused_early()
    {
        await ReadAsync(await PutAsync("*", new { maxSizeBytes = 1L << 40 }), 200);
        var size = (10_000 * (5L << 20)) + 1;
        var problem = await RefusedAsync(await Host.PostInitAsync(size, 5 << 20), 400, "INVALID_CHUNK_SIZE");
        Assert.Equal((5 << 20) + 1, problem.GetProperty("minChunkSizeBytes").GetInt64());
        Assert.Equal(10_000, (await Host.InitAsync(size, (5 << 20) + 1)).GetProperty("totalChunks").GetInt32());
    }

    [Theory]
    [InlineData("X-Forwarded-For", "203.0.113.7")]
    [InlineData("CF-Ray", "230b030023ae2822-SJC")]
    public async Task Behind_a_proxy_chunks_are_no_larger_than_it_lets_pass(string header, string value)
    {
        var body = new InitiateUpload("a.txt", "text/plain", 1L << 30, "member", "u1", ChunkSizeBytes: 120_000_000);
        await ReadAsync(await Host.PostAsync("/v1/uploads/init", body), 201);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/uploads/init") { Content = JsonContent.Create(body) };
        request.Headers.Add(header, value);
        var problem = await RefusedAsync(await Host.Client.SendAsync(request, Cancellation), 400, "INVALID_CHUNK_SIZE");
        Assert.Equal(100_000_000, problem.GetProperty("maxChunkSizeBytes").GetInt64());
    }

    [Fact]
    public async Task What_is_left_out_has_its_default_and_history_tells_who_and_when()
    {
        await ReadAsync(await PutAsync("\"0\"", new { maxSizeBytes = 1_000 }), 200);
        using var changed = await PutAsync("\"1\"", new { roles = new { member = new { maxSizeBytes = 5 } } });
        Assert.Equal("\"2\"", changed.Headers.ETag?.Tag);
        using var got = await Host.Client.GetAsync("/v1/uploads/settings", Cancellation);
        Assert.Equal("\"2\"", got.Headers.ETag?.Tag);
        var settings = await ReadAsync(got, 200);
        Assert.Equal(10L << 30, settings.GetProperty("maxSizeBytes").GetInt64());
        Assert.Equal(5, settings.GetProperty("roles").GetProperty("member").GetProperty("maxSizeBytes").GetInt64());
        Assert.Equal("6.00:00:00", settings.GetProperty("lifetime").GetString());

        var history = await HistoryAsync("");
        Assert.Equal([2, 1], history.Select(change => change.GetProperty("version").GetInt32()));
        Assert.Equal(1_000, history[1].GetProperty("settings").GetProperty("maxSizeBytes").GetInt64());
        Assert.Equal("anonymous", history[0].GetProperty("by").GetString());
        Assert.InRange(history[0].GetProperty("changedAt").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(5));
        Assert.Equal(1, Assert.Single(await HistoryAsync("?before=2")).GetProperty("version").GetInt32());
    }

    [Theory]
    [InlineData("""{"maxSizeBytes": 0}""", "INVALID_SETTING", "maxSizeBytes")]
    [InlineData("""{"chunkSizeBytes": 200000000}""", "INVALID_SETTING", "chunkSizeBytes")]
    [InlineData("""{"lifetime": "7.00:00:00"}""", "INVALID_SETTING", "lifetime")]
    [InlineData("""{"contentTypes": ["image/svg+xml"]}""", "INVALID_SETTING", "contentTypes")]
    [InlineData("""{"contentTypes": ["Text/HTML; charset=utf-8"]}""", "INVALID_SETTING", "contentTypes")]
    [InlineData("""{"roles": {"creator": {"maxSizeBytes": -1}}}""", "INVALID_SETTING", "roles.creator.maxSizeBytes")]
    [InlineData("""{"maxSizeByte": 5}""", "INVALID_REQUEST", null)]
    [InlineData("""{"maxSizeBytes": "many"}""", "INVALID_REQUEST", null)]
    [InlineData("""{"maxSizeBytes": null}""", "INVALID_REQUEST", null)]
    [InlineData("""{"roles": null}""", "INVALID_REQUEST", null)]
    [InlineData("""[]""", "INVALID_REQUEST", null)]
    [InlineData("""{""", "INVALID_REQUEST", null)]
    public async Task Settings_that_cannot_be_are_refused(string body, string code, string? setting)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/uploads/settings")
        {
            Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json"),
            Headers = { { "If-Match", "*" } },
        };
        var problem = await RefusedAsync(await Host.Client.SendAsync(request, Cancellation), 400, code);
        Assert.Equal(setting, problem.TryGetProperty("setting", out var named) ? named.GetString() : null);
        Assert.Empty(await HistoryAsync(""));
    }

    [Theory]
    [InlineData(null, 428, "PRECONDITION_REQUIRED")]
    [InlineData("\"1\"", 412, "PRECONDITION_FAILED")]
    [InlineData("\"old\"", 412, "PRECONDITION_FAILED")]
    [InlineData("W/\"0\"", 412, "PRECONDITION_FAILED")]
    public async Task A_change_names_what_it_was_made_from(string? version, int status, string code) =>
        await RefusedAsync(await PutAsync(version, new { maxSizeBytes = 5 }), status, code);

    private async Task<JsonElement[]> HistoryAsync(string query)
    {
        var page = await ReadAsync(await Host.Client.GetAsync($"/v1/uploads/settings/history{query}", Cancellation), 200);
        return [.. page.GetProperty("changes").EnumerateArray()];
    }

    private async Task<HttpResponseMessage> PutAsync(string? version, object body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/uploads/settings") { Content = JsonContent.Create(body) };
        if (version is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", version);
        }

        return await Host.Client.SendAsync(request, Cancellation);
    }
}
