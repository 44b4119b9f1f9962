using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Localization;
using Platform.Accounts;
using Platform.Languages;
using Portal.Components;
using Xunit;

namespace Portal.Tests;

/// <summary>A command of a page that stands open, however the page came to show its button.</summary>
public sealed class ActingTests(PortalHost host) : IClassFixture<PortalHost>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_viewer_nobody_and_a_former_admin_give_no_command()
    {
        var (admin, adminId) = await SignedInAsync("ada@example.com", AccountRoles.Admin);
        var (viewer, _) = await SignedInAsync("vic@example.com", AccountRoles.Viewer);
        var (former, formerId) = await SignedInAsync("fred@example.com", AccountRoles.Admin);
        await using (var scope = host.Services.CreateAsyncScope())
        {
            var people = scope.ServiceProvider.GetRequiredService<People>();
            await people.ChangeRoleAsync(formerId, AccountRoles.Viewer, "ada", Cancellation);
        }

        Assert.Equal("ada", await GiveAsync(admin));
        foreach (var somebody in new[] { viewer, former, new ClaimsPrincipal(new ClaimsIdentity()) })
        {
            Assert.Null(await GiveAsync(somebody));
        }

        await host.Services.GetRequiredService<People>().EndSessionsAsync(adminId, "ada", Cancellation);
        Assert.Null(await GiveAsync(admin));
    }

    /// <returns>In whose name the command was carried out, if it was.</returns>
    private async Task<string?> GiveAsync(ClaimsPrincipal user)
    {
        string? by = null;
        var refusal = await new Acting(new Circuit(user), host.Services.GetRequiredService<IServiceScopeFactory>(), host.Services.GetRequiredService<IStringLocalizer<Texts>>()).TryAsync(name =>
        {
            by = name;
            return Task.CompletedTask;
        });
        Assert.Equal(by is null, refusal is not null);
        return by;
    }

    private async Task<(ClaimsPrincipal User, Guid PersonId)> SignedInAsync(string email, string role)
    {
        await using var scope = host.Services.CreateAsyncScope();
        var people = scope.ServiceProvider.GetRequiredService<UserManager<Person>>();
        var person = new Person { UserName = email, Email = email };
        Assert.True((await people.CreateAsync(person, PortalHost.Password)).Succeeded);
        Assert.True((await people.AddToRoleAsync(person, role)).Succeeded);
        return (await scope.ServiceProvider.GetRequiredService<SignInManager<Person>>().CreateUserPrincipalAsync(person), person.Id);
    }

    private sealed class Circuit(ClaimsPrincipal user) : AuthenticationStateProvider
    {
        public override Task<AuthenticationState> GetAuthenticationStateAsync() => Task.FromResult(new AuthenticationState(user));
    }
}
