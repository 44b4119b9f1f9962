using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.Events;
using Platform.Http;
using Platform.Storage;
using Xunit;

namespace Platform.Tests.Http;

public sealed class ErrorsTests : IAsyncLifetime
{
    private readonly List<string> faults = [];
    private WebApplication app = null!;
    private HttpClient client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration["Cors:Origins"] = "https://wedding.example, https://other.example";
        builder.Logging.ClearProviders().AddProvider(new FaultLog(faults));
        builder.Services.AddHttp(builder.Configuration).AddErrorCodes(("UPLOAD_NOT_FOUND", 404));
        app = builder.Build();
        app.UseHttp();
        app.MapGet("/refused", () => Refuse("UPLOAD_NOT_FOUND", "There is no upload 7."));
        app.MapGet("/missing", string () => throw new CommandRefusedException("MISSING_PARTS", "Two are missing.")
        {
            Members = new Dictionary<string, object?> { ["missingChunks"] = new[] { 1, 4 } },
        });
        app.MapGet("/storage", () => Throw(new StorageException(StorageError.Unavailable, "bucket secret-bucket says no")));
        app.MapGet("/database", () => Throw(new NpgsqlException("host secret-host", new IOException())));
        app.MapGet("/bug", () => Throw(new InvalidOperationException("secret")));
        app.MapGet("/teapot", () => Results.StatusCode(418));
        app.MapGet("/own", () => Results.Text("mine", statusCode: 404));
        app.MapGet("/headers", (HttpContext context) =>
        {
            context.Response.Headers.ETag = "\"1\"";
            context.Response.Headers.ContentDisposition = "attachment";
            return Refuse("NO", "Not known.");
        });
        app.MapGet("/breaks", async (HttpContext context) =>
        {
            context.Response.ContentLength = 1000;
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
            throw new StorageException(StorageError.Unavailable, "gone");
        });
        app.MapGet("/waits", (HttpContext context) => Task.Delay(Timeout.Infinite, context.RequestAborted));
        app.MapPost("/echo", (Order order) => order);
        app.MapGet("/number", (int size) => size);
        await app.StartAsync(Cancellation);

        // Who hears neither yes nor no for a second sends a body that nobody takes, and may lose the answer with the connection.
        var handler = new SocketsHttpHandler { Expect100ContinueTimeout = TimeSpan.FromMinutes(1) };
        client = new HttpClient(handler) { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await app.DisposeAsync();
    }

    [Theory]
    [InlineData("/refused", 404, "UPLOAD_NOT_FOUND", "There is no upload 7.")]
    [InlineData("/storage", 502, "STORAGE_ERROR", null)]
    [InlineData("/database", 503, "DATABASE_UNAVAILABLE", null)]
    [InlineData("/bug", 500, "INTERNAL_ERROR", null)]
    [InlineData("/nowhere", 404, "NOT_FOUND", null)]
    [InlineData("/echo", 405, "METHOD_NOT_ALLOWED", null)]
    [InlineData("/number?size=many", 400, "INVALID_REQUEST", null)]
    [InlineData("/number", 400, "INVALID_REQUEST", null)]
    [InlineData("/teapot", 418, "INVALID_REQUEST", null)]
    public async Task A_failure_is_a_problem_document_with_its_code(string path, int status, string code, string? detail)
    {
        using var answer = await client.GetAsync(path, Cancellation);

        var problem = await ReadAsync(answer, status, code);
        if (detail is not null)
        {
            Assert.Equal(detail, problem.GetProperty("detail").GetString());
        }

        Assert.DoesNotContain("secret", problem.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_may_carry_further_members()
    {
        using var answer = await client.GetAsync("/missing", Cancellation);
        var problem = await ReadAsync(answer, 409, "MISSING_PARTS");
        Assert.Equal("[1,4]", problem.GetProperty("missingChunks").GetRawText());
    }

    [Fact]
    public async Task Only_faults_are_logged_as_errors()
    {
        await client.GetAsync("/refused", Cancellation);
        await client.GetAsync("/nowhere", Cancellation);
        Assert.Empty(faults);
        await client.GetAsync("/bug", Cancellation);
        Assert.Contains("GET /bug failed with 500", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"name":null,"kind":"bigOne"}""")]
    [InlineData("""{"name":"a","kind":"unknown"}""")]
    [InlineData("""{"name":"a","kind":1}""")]
    public async Task A_body_that_is_not_the_expected_JSON_is_an_invalid_request(string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync("/echo", content, Cancellation);
        await ReadAsync(answer, 400, "INVALID_REQUEST");
    }

    [Fact]
    public async Task A_body_of_another_type_is_an_unsupported_media_type()
    {
        using var answer = await client.PostAsync("/echo", new StringContent("{}", Encoding.UTF8, "text/plain"), Cancellation);
        await ReadAsync(answer, 415, "UNSUPPORTED_MEDIA_TYPE");
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/echo");
        request.Content = new StringContent(new string(' ', 9_000_000), Encoding.UTF8, "application/json");
        request.Headers.ExpectContinue = true;
        using var answer = await client.SendAsync(request, Cancellation);
        await ReadAsync(answer, 413, "BODY_TOO_LARGE");
    }

    [Fact]
    public async Task JSON_has_camel_case_and_unknown_members_are_ignored()
    {
        using var answer = await client.PostAsJsonAsync("/echo", new { name = "a", kind = "bigOne", extra = 1 }, Cancellation);
        Assert.Equal("""{"name":"a","kind":"bigOne"}""", await answer.Content.ReadAsStringAsync(Cancellation));
    }

    [Fact]
    public async Task A_wrong_method_names_the_right_ones()
    {
        using var answer = await client.GetAsync("/echo", Cancellation);
        Assert.Equal("POST", Assert.Single(answer.Content.Headers.Allow));
    }

    [Fact]
    public async Task Headers_meant_for_the_answer_that_failed_are_dropped()
    {
        using var answer = await client.GetAsync("/headers", Cancellation);
        await ReadAsync(answer, 409, "NO");
        Assert.Null(answer.Headers.ETag);
        Assert.Null(answer.Content.Headers.ContentDisposition);
    }

    [Fact]
    public async Task An_endpoint_may_write_its_own_answer()
    {
        using var answer = await client.GetAsync("/own", Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("mine", await answer.Content.ReadAsStringAsync(Cancellation));
    }

    [Fact]
    public async Task An_answer_that_breaks_off_breaks_the_connection()
    {
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync("/breaks", Cancellation));
        Assert.Contains("broke off", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_goes_away_is_no_error()
    {
        using var gone = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetAsync("/waits", gone.Token));
        await Task.Delay(500, Cancellation);
        Assert.Empty(faults);
    }

    [Theory]
    [InlineData("/refused")]
    [InlineData("/nowhere")]
    [InlineData("/bug")]
    [InlineData("/number?size=1")]
    public async Task Every_answer_has_security_headers_and_CORS(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Origin", "https://wedding.example");
        using var answer = await client.SendAsync(request, Cancellation);

        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("https://wedding.example", Assert.Single(answer.Headers.GetValues("Access-Control-Allow-Origin")));
        Assert.Contains("Origin", answer.Headers.Vary);
        Assert.Contains("ETag", string.Join(',', answer.Headers.GetValues("Access-Control-Expose-Headers")), StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Access-Control-Allow-Credentials"));
        Assert.False(answer.Headers.Contains("Server"));
    }

    [Fact]
    public async Task Other_origins_get_no_permission()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/number?size=1");
        request.Headers.Add("Origin", "https://evil.example");
        using var answer = await client.SendAsync(request, Cancellation);
        Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task A_preflight_is_answered()
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, "/echo");
        request.Headers.Add("Origin", "https://other.example");
        request.Headers.Add("Access-Control-Request-Method", "PUT");
        request.Headers.Add("Access-Control-Request-Headers", "X-Chunk-Index");
        using var answer = await client.SendAsync(request, Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("X-Chunk-Index", Assert.Single(answer.Headers.GetValues("Access-Control-Allow-Headers")));
    }

    [Fact]
    public async Task A_request_cannot_say_who_it_is_by_baggage()
    {
        app.MapGet("/by", () => System.Diagnostics.Activity.Current?.GetBaggageItem("by") ?? "nobody");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/by");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        request.Headers.Add("baggage", "by=admin");
        using var answer = await client.SendAsync(request, Cancellation);
        Assert.Equal("nobody", await answer.Content.ReadAsStringAsync(Cancellation));
    }

    [Theory]
    [InlineData("example.com")]
    [InlineData("https://example.com/path")]
    [InlineData("ftp://example.com")]
    public void An_origin_that_is_none_stops_the_start(string origin)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Cors:Origins", origin)]).Build();
        var refused = Assert.Throws<StartupException>(() => new ServiceCollection().AddHttp(configuration));
        Assert.StartsWith("Cors__Origins ", refused.Message, StringComparison.Ordinal);
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage answer, int status, string code)
    {
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.Equal("about:blank", problem.GetProperty("type").GetString());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.NotEmpty(problem.GetProperty("traceId").GetString()!);
        var error = problem.GetProperty("error");
        Assert.Equal(code, error.GetProperty("code").GetString());
        Assert.Equal(problem.GetProperty("detail").GetString(), error.GetProperty("message").GetString());
        var age = DateTimeOffset.UtcNow - error.GetProperty("timestamp").GetDateTimeOffset();
        Assert.InRange(age, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        return problem;
    }

    private static string Refuse(string code, string detail) => throw new CommandRefusedException(code, detail);

    private static string Throw(Exception error) => throw error;

    internal enum Kind
    {
        Small,
        BigOne,
    }

    internal sealed record Order(string Name, Kind Kind);

    private sealed class FaultLog(List<string> faults) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                faults.Add(formatter(state, exception));
            }
        }

        public void Dispose()
        {
        }
    }
}
