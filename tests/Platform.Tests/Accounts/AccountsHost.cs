using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Accounts;
using Platform.Events;
using Platform.Http;
using Xunit;

namespace Platform.Tests.Accounts;

/// <summary>One node with accounts and nothing else; some addresses to come to, and one to sign in. Several on one database are a cluster.</summary>
internal sealed class AccountsHost : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly DirectoryInfo folder;

    private AccountsHost(WebApplication app, DirectoryInfo folder) => (this.app, this.folder) = (app, folder);

    internal string Address => app.Urls.Single();

    internal IServiceProvider Services => app.Services;

    /// <summary>The token of the first admin's link, where the node wrote one.</summary>
    internal string? FirstToken
    {
        get
        {
            var path = Path.Combine(folder.FullName, "link");
            return File.Exists(path) ? File.ReadAllText(path).Trim().Split('/')[^1] : null;
        }
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    internal static async Task<AccountsHost> StartAsync(string connectionString, params (string Key, string Value)[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("accounts-");
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Configuration["Auth:FirstLinkFile"] = Path.Combine(folder.FullName, "link");
        foreach (var (key, value) in settings)
        {
            builder.Configuration[key] = value;
        }

        builder.Services.AddHttp(builder.Configuration).AddEvents(connectionString, work: false).AddAccounts(builder.Configuration, web: true);
        var app = builder.Build();
        app.UseHttp();
        app.MapGet("/admins", () => "fine").RequireAuthorization(Policies.Admin);
        app.MapGet("/viewers", () => "fine").RequireAuthorization(Policies.Viewer);
        app.MapPost("/sign-in", async (SignInManager<Person> signIns, HttpRequest request) =>
                (await signIns.PasswordSignInAsync(request.Query["email"]!, request.Query["password"]!, isPersistent: false, lockoutOnFailure: true)).ToString())
            .RequireRateLimiting(RateLimits.SignIn);
        app.MapPost("/sign-in/code", async (SignInManager<Person> signIns, HttpRequest request) =>
            (await signIns.TwoFactorAuthenticatorSignInAsync(request.Query["code"]!, isPersistent: false, rememberClient: false)).ToString());
        app.MapGet("/csrf", (IAntiforgery antiforgery, HttpContext http) => antiforgery.GetAndStoreTokens(http).RequestToken).RequireAuthorization(Policies.Viewer);
        app.MapAccounts();
        var things = app.MapGroup("/v1/things").RequireScope(Scopes.Albums);
        things.MapGet("/", (ClaimsPrincipal user) => user.NameOrAnonymous());
        things.MapPost("/", (ClaimsPrincipal user) => user.NameOrAnonymous());
        things.MapGet("/all", () => "fine").RequireAllWeddings();
        app.MapMethods("/v1/override", ["GET", "POST"], () => "fine").RequireScope(Scopes.Albums, alwaysChanges: true);
        await app.StartAsync(Cancellation);
        return new AccountsHost(app, folder);
    }

    /// <summary>A browser: it keeps cookies and follows no redirect.</summary>
    internal HttpClient Browser(CookieContainer? cookies = null)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies ?? new CookieContainer() };
        return new HttpClient(handler) { BaseAddress = new Uri(Address) };
    }

    internal async Task<TResult> WithAsync<TService, TResult>(Func<TService, Task<TResult>> use)
        where TService : notnull
    {
        await using var scope = app.Services.CreateAsyncScope();
        return await use(scope.ServiceProvider.GetRequiredService<TService>());
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync(CancellationToken.None);
        await app.DisposeAsync();
        folder.Delete(recursive: true);
    }
}
