using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;
using Platform.Accounts;
using Platform.Storage;
using Xunit;

namespace Host.Tests;

/// <summary>Who may come to which address of the whole product.</summary>
public sealed class AccessTests(WebHost host) : IClassFixture<WebHost>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Their own account.
    private static readonly string[] OfViewers = [Passkeys.CreationOptions];

    [Fact]
    public void Every_endpoint_says_who_may_come_or_why_all_may()
    {
        using var client = host.CreateClient();
        var endpoints = host.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().ToArray();
        Assert.Contains(endpoints, endpoint => endpoint.RoutePattern.RawText == "/v1/albums/{id}/cancel");
        Assert.Empty(endpoints.Where(endpoint => !IsDecided(endpoint)).Select(endpoint => endpoint.DisplayName));

        static bool IsDecided(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is { } open
            ? open is OpenToAllAttribute { Reason.Length: > 10 }
            : endpoint.Metadata.GetMetadata<AuthorizationPolicy>() is not null || endpoint.Metadata.GetMetadata<IAuthorizeData>() is not null;
    }

    [Fact]
    public async Task A_viewer_changes_nothing_at_any_address()
    {
        using var client = host.CreateClient();
        var (cookie, antiforgery) = await SignInAsync(AccountRoles.Viewer);
        var changing = host.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null && endpoint.RoutePattern.RawText is { } path
                && !path.StartsWith("/_", StringComparison.Ordinal) && !OfViewers.Contains(path) && endpoint.Metadata.GetMetadata<ComponentTypeMetadata>() is null
                && !endpoint.Metadata.OfType<IAuthorizeData>().Any(asked => asked.Policy == Policies.Couple)) // whose cookie is another
            .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? [])
                .Where(method => method is not ("GET" or "HEAD" or "OPTIONS")).Select(method => (method, Path: PathOf(endpoint.RoutePattern))))
            .Distinct()
            .ToArray();
        Assert.True(changing.Length > 40, $"Only {changing.Length} endpoints change something.");
        var letIn = new List<string>();
        foreach (var (method, path) in changing)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = JsonContent.Create(new { }) };
            request.Headers.Add("Cookie", cookie);
            request.Headers.Add(Platform.Accounts.Antiforgery.Header, antiforgery);
            using var answer = await client.SendAsync(request, Cancellation);
            if (answer.StatusCode is not HttpStatusCode.Forbidden)
            {
                letIn.Add($"{method} {path}: {answer.StatusCode}");
            }
        }

        Assert.Empty(letIn);
    }

    /// <summary>A viewer is refused with all that changes something, an API key below.</summary>
    [Fact]
    public async Task An_admin_who_signed_in_says_whose_caches_a_site_may_purge()
    {
        using var client = host.CreateClient();
        var (cookie, antiforgery) = await SignInAsync(AccountRoles.Admin);
        client.DefaultRequestHeaders.Add("Cookie", cookie);
        client.DefaultRequestHeaders.Add(Platform.Accounts.Antiforgery.Header, antiforgery);
        using var registered = await client.PostAsJsonAsync("/v1/sites", new { name = "cached" }, Cancellation);
        registered.EnsureSuccessStatusCode();
        var hosts = new[] { new { host = "music.example.com", zone = new string('a', 32) } };
        using var allowed = await client.PutAsJsonAsync("/v1/sites/cached/cdn-hosts", new { hosts }, Cancellation);
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
        var site = await client.GetFromJsonAsync<JsonElement>("/v1/sites/cached", Cancellation);
        Assert.Equal("music.example.com", Assert.Single(site.GetProperty("cdnHosts").EnumerateArray()).GetProperty("host").GetString());
        using var wrong = await client.PutAsJsonAsync("/v1/sites/cached/cdn-hosts", new { hosts = new[] { new { host = "music.example.com", zone = "none" } } }, Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
    }

    [Fact]
    public async Task Nobody_comes_to_a_closed_API_without_a_credential()
    {
        (string Method, string Path)[] calls =
        [
            ("GET", "/v1/albums"), ("POST", "/v1/albums"), ("GET", "/v1/albums/01980000-0000-7000-8000-000000000000/download"),
            ("POST", "/v1/uploads/init"), ("PUT", "/v1/uploads/settings"), ("POST", "/v1/tus"), ("POST", "/v1/resumable"),
            ("POST", "/process-wedding"), ("GET", "/wedding/ann-bob/status"), ("POST", "/v1/weddings"), ("GET", "/v1/sites"),
            ("POST", "/v1/sites/music/syncs"), ("GET", "/v1/api-keys"),
        ];
        await using var closed = host.WithWebHostBuilder(builder => builder.UseSetting("Auth:AnonymousApi", "false").UseSetting("Roles", "web"));
        using var client = closed.CreateClient();
        foreach (var (method, path) in calls)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            using var answer = await client.SendAsync(request, Cancellation);
            Assert.Equal((path, HttpStatusCode.Unauthorized), (path, answer.StatusCode));
        }
    }

    [Theory]
    [InlineData("sites", "POST", "/v1/sites", true)]
    [InlineData("sites:music", "POST", "/v1/sites", false)]
    [InlineData("sites:music", "GET", "/v1/sites/music", true)]
    [InlineData("sites:music", "POST", "/v1/sites/music/syncs", true)]
    [InlineData("sites:music", "GET", "/v1/sites/other", false)]
    [InlineData("sites:music", "POST", "/v1/sites/other/syncs", false)]
    [InlineData("sites:read", "GET", "/v1/sites/music", true)]
    [InlineData("sites:read", "POST", "/v1/sites/music/syncs", false)]
    [InlineData("albums", "POST", "/v1/sites/music/syncs", false)]
    [InlineData("sites", "PUT", "/v1/sites/music/cdn-hosts", false)]
    public async Task A_key_of_a_site_is_for_that_site_only(string scope, string method, string path, bool isLetIn)
    {
        // A worker that is stopped before it took any job may look for its scheduler when the factory has disposed of it.
        await using var closed = host.WithWebHostBuilder(builder => builder.UseSetting("Auth:AnonymousApi", "false").UseSetting("Roles", "web"));
        using var client = closed.CreateClient();
        var key = await closed.Services.GetRequiredService<ApiKeys>().CreateAsync("build", [scope], "test", null, Cancellation);
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Headers = { Authorization = new("Bearer", key.Key) } };
        request.Content = method == "POST" ? JsonContent.Create(new { }) : null;
        using var answer = await client.SendAsync(request, Cancellation);
        Assert.Equal(isLetIn, answer.StatusCode is not HttpStatusCode.Forbidden);
        Assert.NotEqual(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task A_mailed_link_downloads_from_a_closed_API_until_it_is_revoked()
    {
        await using var closed = host.WithWebHostBuilder(builder => builder.UseSetting("Auth:AnonymousApi", "false"));
        using var browser = closed.CreateClient();
        using var caller = closed.CreateClient();
        var keys = closed.Services.GetRequiredService<ApiKeys>();
        var key = await keys.CreateAsync("frontend", ["uploads", "albums"], "test", null, Cancellation);
        caller.DefaultRequestHeaders.Authorization = new("Bearer", key.Key);
        var photo = new byte[1000];
        Random.Shared.NextBytes(photo);
        await using (var body = new BufferBody(photo, Crc32.Append(0, photo)))
        {
            await closed.Services.GetRequiredService<IObjectStorage>().PutAsync("linked/a.jpg", body, photo.Length, "image/jpeg", Cancellation);
        }

        using var requested = await caller.PostAsJsonAsync(
            "/v1/albums", new { weddingId = "linked", prefix = "linked/", notify = new { emails = new[] { "linked@example.com" } } }, Cancellation);
        Assert.Equal(HttpStatusCode.Accepted, requested.StatusCode);
        var album = requested.Headers.Location!.OriginalString;
        await caller.GetStringAsync($"{album}/progress", Cancellation);
        using var made = await caller.PostAsync($"{album}/links", null, Cancellation);
        var link = made.Headers.Location!;
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        Assert.Equal(await caller.GetByteArrayAsync($"{album}/download", Cancellation), await browser.GetByteArrayAsync(link.AbsolutePath, Cancellation));
        Assert.Equal(HttpStatusCode.NotFound, (await browser.GetAsync($"{album}/download/{Secret.New()}", Cancellation)).StatusCode);

        Assert.Equal(HttpStatusCode.NoContent, (await caller.DeleteAsync($"{album}/links", Cancellation)).StatusCode);
        using var dead = await browser.GetAsync(link.AbsolutePath, Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, dead.StatusCode);
        Assert.DoesNotContain(link.Segments[^1], await dead.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    private static string PathOf(RoutePattern pattern) => "/" + string.Join('/', pattern.PathSegments.Select(segment => string.Concat(segment.Parts.Select(part => part switch
    {
        RoutePatternLiteralPart literal => literal.Content,
        RoutePatternSeparatorPart separator => separator.Content,
        RoutePatternParameterPart { ParameterPolicies: [{ Content: "guid" }, ..] } => Guid.Empty.ToString(),
        _ => "1",
    }))));

    /// <returns>What the browser of somebody who signed in sends.</returns>
    private async Task<(string Cookie, string Antiforgery)> SignInAsync(string role)
    {
        await using var scope = host.Services.CreateAsyncScope();
        var people = scope.ServiceProvider.GetRequiredService<UserManager<Person>>();
        var person = new Person { UserName = $"{role}@example.com", Email = $"{role}@example.com" };
        Assert.True((await people.CreateAsync(person, "correct horse battery")).Succeeded);
        Assert.True((await people.AddToRoleAsync(person, role)).Succeeded);
        var http = new DefaultHttpContext { RequestServices = scope.ServiceProvider };
        var user = await scope.ServiceProvider.GetRequiredService<IUserClaimsPrincipalFactory<Person>>().CreateAsync(person);
        await http.SignInAsync(AccountSchemes.People, user);
        http.User = user;
        var token = scope.ServiceProvider.GetRequiredService<IAntiforgery>().GetAndStoreTokens(http).RequestToken!;
        return (string.Join("; ", http.Response.Headers.SetCookie.Select(cookie => cookie!.Split(';')[0])), token);
    }
}
