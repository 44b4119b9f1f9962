using Microsoft.Playwright;
using Platform.Accounts;
using Xunit;

[assembly: AssemblyFixture(typeof(Portal.Tests.Browser))]

namespace Portal.Tests;

/// <summary>Debian's Chromium, one for all tests.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] Arguments =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    private const string Path = "/usr/bin/chromium";

    /// <summary>Milliseconds: a machine that builds beside is slow.</summary>
    internal const float Patience = 60_000;

    private IPlaywright playwright = null!;
    private IBrowser chromium = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.True(File.Exists(Path), $"{Path} is missing: run scripts/install-test-tools.sh.");
        Assertions.SetDefaultExpectTimeout(Patience);
        playwright = await Playwright.CreateAsync();
        chromium = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Path, Args = Arguments });
    }

    public async ValueTask DisposeAsync()
    {
        await chromium.DisposeAsync();
        playwright.Dispose();
    }

    /// <summary>An admin who has signed in.</summary>
    internal async Task<Visitor> VisitAsAdminAsync(PortalHost host, ColorScheme theme = ColorScheme.Light, bool phone = false)
    {
        if (host.Session is null)
        {
            await using var first = await VisitAsync(host);
            await first.Page.GotoAsync(new Uri(host.FirstLink).AbsolutePath);
            await first.Page.GetByLabel("E-mail").FillAsync(PortalHost.Email);
            await first.Page.GetByLabel("Password").FillAsync(PortalHost.Password);
            await first.Page.GetByRole(AriaRole.Button).ClickAsync();
            await first.Page.WaitForURLAsync("**/admin", Visitor.AtOnce);
            host.Session = await first.Page.Context.StorageStateAsync();
        }

        return await VisitAsync(host, theme, phone, host.Session);
    }

    /// <summary>A viewer who has just made their account. At a name, because passkeys are for none of IP addresses.</summary>
    internal async Task<Visitor> VisitAsInvitedAsync(PortalHost host, string email)
    {
        await (await VisitAsAdminAsync(host)).DisposeAsync();
        var visitor = await VisitAsync(host, hostName: "localhost");
        await visitor.Page.GotoAsync(AccountPaths.InvitationOf(await host.InviteAsync(AccountRoles.Viewer)));
        await visitor.Page.GetByLabel("E-mail").FillAsync(email);
        await visitor.Page.GetByLabel("Password").FillAsync(PortalHost.Password);
        await visitor.Page.GetByRole(AriaRole.Button).ClickAsync();
        await visitor.Page.WaitForURLAsync("**/admin", Visitor.AtOnce);
        return visitor;
    }

    /// <summary>Somebody whose browser keeps what pages store in a folder, as one does that is no private window. It ends with the visit.</summary>
    internal async Task<Visitor> VisitWithProfileAsync(PortalHost host, string folder)
    {
        var context = await playwright.Chromium.LaunchPersistentContextAsync(
            folder, new() { ExecutablePath = Path, Args = Arguments, BaseURL = host.Address.ToString(), Locale = "en-GB" });
        return new Visitor(context, context.Pages[0]);
    }

    /// <summary>Somebody whom the product does not know yet.</summary>
    internal async Task<Visitor> VisitAsync(
        PortalHost host, ColorScheme theme = ColorScheme.Light, bool phone = false, string? session = null, string? hostName = null, string locale = "en-GB")
    {
        var context = await chromium.NewContextAsync(new()
        {
            BaseURL = hostName is null ? host.Address.ToString() : $"http://{hostName}:{host.Address.Port}",
            StorageState = session,
            ColorScheme = theme,
            Locale = locale,
            ReducedMotion = ReducedMotion.Reduce,
            ViewportSize = phone ? new() { Width = 390, Height = 844 } : new() { Width = 1280, Height = 800 },
            DeviceScaleFactor = phone ? 2 : 1,
        });
        return new Visitor(context, await context.NewPageAsync());
    }
}
