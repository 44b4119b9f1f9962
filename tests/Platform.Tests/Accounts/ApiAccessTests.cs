using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Identity;
using Platform.Accounts;
using Testing;
using Xunit;

namespace Platform.Tests.Accounts;

public sealed class ApiAccessTests : IAsyncLifetime
{
    private const string Password = "correct horse battery";
    private const string Api = "/v1/things";

    private TestDatabase database = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => database = await TestPostgres.CreateDatabaseAsync();

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task On_this_machine_a_caller_needs_no_credential_unless_a_foreign_name_or_page_led_there()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString);
        using var client = node.Browser();
        Assert.Equal(200, await StatusAsync(client, HttpMethod.Post, Api));
        Assert.Equal(200, await StatusAsync(client, HttpMethod.Post, Api, ("Host", "localhost:5080"), ("Origin", "http://localhost:5080")));
        Assert.Equal(401, await StatusAsync(client, HttpMethod.Get, Api, ("Host", "evil.example:5080")));
        Assert.Equal(401, await StatusAsync(client, HttpMethod.Post, Api, ("Origin", "https://evil.example")));
        Assert.Equal(401, await StatusAsync(client, HttpMethod.Post, Api, ("Origin", "null")));
        Assert.Equal(401, await StatusAsync(client, HttpMethod.Get, Api, ("Authorization", "Bearer wk_revoked")));
        Assert.Equal(401, await StatusAsync(client, HttpMethod.Get, "/v1/api-keys"));
    }

    [Theory]
    [InlineData("https://photos.example.com", "", 401)]
    [InlineData("https://photos.example.com", "true", 200)]
    [InlineData("http://localhost:5080", "", 200)]
    [InlineData("http://localhost:5080", "false", 401)]
    public async Task The_API_is_open_where_only_this_machine_finds_it_or_the_setting_says_so(string publicUrl, string setting, int status)
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString, ("PublicUrl", publicUrl), ("Auth:AnonymousApi", setting));
        using var client = node.Browser();
        using var answer = await client.GetAsync(Api, Cancellation);
        Assert.Equal(status, (int)answer.StatusCode);
        if (status == 401)
        {
            Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
            Assert.Equal("UNAUTHORIZED", await CodeAsync(answer));
        }
    }

    [Fact]
    public async Task A_key_opens_its_scopes_until_it_is_revoked_or_expires()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString, ("Auth:AnonymousApi", "false"));
        var keys = (ApiKeys)node.Services.GetService(typeof(ApiKeys))!;
        using var client = node.Browser();
        var (full, reading, other) = (await KeyAsync("albums"), await KeyAsync("albums:read"), await KeyAsync("uploads"));
        Assert.Equal(200, await StatusAsync(client, HttpMethod.Post, Api, Bearer(full.Key)));
        Assert.Equal(200, await StatusAsync(client, HttpMethod.Get, $"{Api}/all", Bearer(reading.Key)));
        Assert.Equal(403, await StatusAsync(client, HttpMethod.Post, Api, Bearer(reading.Key)));
        Assert.Equal(403, await StatusAsync(client, HttpMethod.Get, "/v1/override", Bearer(reading.Key)));
        Assert.Equal(403, await StatusAsync(client, HttpMethod.Get, Api, Bearer(other.Key)));
        Assert.Equal(403, await StatusAsync(client, HttpMethod.Get, "/v1/api-keys", Bearer(full.Key)));
        Assert.Equal(401, await StatusAsync(client, HttpMethod.Get, Api, Bearer($"{full.Key}x")));
        Assert.Equal(401, await StatusAsync(client, HttpMethod.Get, Api, Bearer((await KeyAsync("albums", DateTimeOffset.UtcNow.AddSeconds(-1))).Key)));

        await keys.RevokeAsync(full.Id, "ann", Cancellation);
        await keys.RevokeAsync(full.Id, "bob", Cancellation);
        Assert.Equal(401, await StatusAsync(client, HttpMethod.Get, Api, Bearer(full.Key)));
        Assert.Equal("ann", (await keys.ListAsync(Cancellation)).Single(key => key.Id == full.Id).RevokedBy);

        Task<NewApiKey> KeyAsync(string scope, DateTimeOffset? until = null) => keys.CreateAsync("frontend", [scope], "ann", until, Cancellation);
    }

    [Fact]
    public async Task A_cookie_changes_something_only_from_our_own_pages_and_a_viewer_nothing()
    {
        await using var node = await AccountsHost.StartAsync(database.ConnectionString, ("Auth:AnonymousApi", "false"));
        using var admin = await SignInAsync(node, "ann@example.com", AccountRoles.Admin);
        using var viewer = await SignInAsync(node, "vic@example.com", AccountRoles.Viewer);
        Assert.Equal(200, await StatusAsync(admin, HttpMethod.Get, Api));
        Assert.Equal(200, await StatusAsync(viewer, HttpMethod.Get, Api));
        Assert.Equal(403, await StatusAsync(admin, HttpMethod.Post, Api));
        Assert.Equal(403, await StatusAsync(admin, HttpMethod.Post, Api, (Antiforgery.Header, "forged")));
        Assert.Equal(200, await StatusAsync(admin, HttpMethod.Post, Api, (Antiforgery.Header, await CsrfAsync(admin))));
        Assert.Equal(403, await StatusAsync(viewer, HttpMethod.Post, Api, (Antiforgery.Header, await CsrfAsync(viewer))));
        Assert.Equal(403, await StatusAsync(viewer, HttpMethod.Get, "/v1/override"));

        using var asked = new HttpRequestMessage(HttpMethod.Post, "/v1/api-keys") { Content = JsonContent.Create(new { name = "ci", scopes = new[] { "sites" } }) };
        asked.Headers.Add(Antiforgery.Header, await CsrfAsync(admin));
        using var made = await admin.SendAsync(asked, Cancellation);
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        Assert.Equal(403, await StatusAsync(admin, HttpMethod.Delete, made.Headers.Location!.OriginalString));
        Assert.Equal(204, await StatusAsync(admin, HttpMethod.Delete, made.Headers.Location!.OriginalString, (Antiforgery.Header, await CsrfAsync(admin))));
        var name = await admin.GetStringAsync(Api, Cancellation);
        Assert.Equal("ann", name);
    }

    private static (string, string) Bearer(string token) => ("Authorization", $"Bearer {token}");

    private static async Task<int> StatusAsync(HttpClient client, HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var answer = await client.SendAsync(request, Cancellation);
        return (int)answer.StatusCode;
    }

    private static async Task<string?> CodeAsync(HttpResponseMessage answer)
    {
        using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancellation));
        return body.RootElement.GetProperty("error").GetProperty("code").GetString();
    }

    private static Task<string> CsrfAsync(HttpClient browser) => browser.GetStringAsync("/csrf", Cancellation);

    private static async Task<HttpClient> SignInAsync(AccountsHost node, string email, string role)
    {
        var invitation = await node.WithAsync<Invitations, string>(links => links.CreateAsync(role, "test", Cancellation));
        await node.WithAsync<Invitations, IdentityResult>(links => links.RedeemAsync(invitation, email, Password, Cancellation));
        var browser = node.Browser();
        using var answer = await browser.PostAsync($"/sign-in?email={email}&password={Password}", null, Cancellation);
        Assert.Equal("Succeeded", await answer.Content.ReadAsStringAsync(Cancellation));
        return browser;
    }
}
