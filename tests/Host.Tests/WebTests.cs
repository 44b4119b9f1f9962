using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>One host for all tests of a class, with a database and folders of its own.</summary>
public sealed class WebHost : WebApplicationFactory<Program>, IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("host-").FullName;
    private TestDatabase database = null!;

    /// <summary>What was sent so far.</summary>
    internal IEnumerable<string> Mails() => Directory.EnumerateFiles(Path.Combine(folder, "mail"), "*.eml").Select(File.ReadAllText);

    internal string Database => database.ConnectionString;

    public async ValueTask InitializeAsync() => database = await TestPostgres.CreateDatabaseAsync();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await database.DisposeAsync();
        await TemporaryFolder.DeleteAsync(folder);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder) => builder
        .UseSetting("ConnectionStrings:Postgres", database.ConnectionString)
        .UseSetting("Storage:Folder", Path.Combine(folder, "storage"))
        .UseSetting("Mail:Folder", Path.Combine(folder, "mail"));
}

public sealed class WebTests(WebHost host) : IClassFixture<WebHost>
{
    private readonly HttpClient client = host.CreateClient();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_process_is_alive() =>
        Assert.Equal("""{"status":"healthy","checks":{}}""", await client.GetStringAsync("/health", Cancellation));

    [Fact]
    public async Task The_process_is_ready_when_what_it_needs_is_there()
    {
        var health = await ReadyAsync();
        Assert.Equal("healthy", health.GetProperty("status").GetString());
        var checks = health.GetProperty("checks").EnumerateObject().Select(check => $"{check.Name} {check.Value}").Order();
        Assert.Equal(["database healthy", "storage healthy", "subscriptions healthy"], checks);
    }

    // A check that a busy machine keeps waiting for five seconds counts as failed; who asks for readiness asks again.
    private async Task<JsonElement> ReadyAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            using var answer = await client.GetAsync("/health/ready", Cancellation);
            if (answer.IsSuccessStatusCode || attempt == 10)
            {
                return await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
            }

            await Task.Delay(100, Cancellation);
        }
    }

    [Fact]
    public async Task The_API_describes_itself()
    {
        var api = await client.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancellation);
        Assert.Equal("Weddings", api.GetProperty("info").GetProperty("title").GetString());
        var chunk = api.GetProperty("paths").GetProperty("/v1/uploads/{id}/chunk").GetProperty("put");
        Assert.Equal(
            ["Content-Digest", "Content-MD5", "Trailer", "X-Chunk-Index", "X-Upload-Id", "id", "x-amz-checksum-crc32", "x-checksum-crc32"],
            chunk.GetProperty("parameters").EnumerateArray().Select(parameter => parameter.GetProperty("name").GetString()).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("GET", "/nowhere", 404, "NOT_FOUND")]
    [InlineData("GET", "/v1/uploads/init", 404, "UPLOAD_NOT_FOUND")]
    [InlineData("PATCH", "/v1/uploads/init", 405, "METHOD_NOT_ALLOWED")]
    [InlineData("GET", "/v1/uploads/no-id", 404, "UPLOAD_NOT_FOUND")]
    [InlineData("POST", "/v1/uploads/init", 400, "INVALID_REQUEST", "{")]
    [InlineData("POST", "/v1/uploads/init", 400, "INVALID_REQUEST", "")]
    [InlineData("POST", "/v1/uploads/init", 400, "INVALID_REQUEST", "null")]
    public async Task A_wrong_request_gets_a_code(string method, string path, int status, string code, string? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await client.SendAsync(request, Cancellation);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal(code, problem.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(status, (int)answer.StatusCode);
    }
}

public sealed class RolesTests
{
    [Fact]
    public async Task A_worker_answers_nothing_but_its_health()
    {
        await using var host = new WebHost();
        await host.InitializeAsync();
        using var client = host.WithWebHostBuilder(builder => builder.UseSetting("Roles", "worker")).CreateClient();
        using var health = await client.GetAsync("/health", TestContext.Current.CancellationToken);
        using var api = await client.GetAsync("/openapi/v1.json", TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.NotFound), (health.StatusCode, api.StatusCode));
    }
    /// <summary>Whether there is something to pack is seen when a worker comes.</summary>
    [Fact]
    public async Task An_album_can_be_requested_while_no_worker_runs()
    {
        await using var host = new WebHost();
        await host.InitializeAsync();
        using var client = host.WithWebHostBuilder(builder => builder.UseSetting("Roles", "web")).CreateClient();
        var file = new { fileName = "a.jpg", contentType = "image/jpeg", sizeBytes = 1, userRole = "creator", userId = "u", weddingId = "ann-bob" };
        using var begun = await client.PostAsJsonAsync("/v1/uploads/init", file, TestContext.Current.CancellationToken);
        using var requested = await client.PostAsJsonAsync("/v1/albums", new { weddingId = "ann-bob" }, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Accepted, requested.StatusCode);
    }
}
