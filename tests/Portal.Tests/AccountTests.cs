using Microsoft.Playwright;
using Platform.Accounts;
using Testing;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

/// <summary>How people sign in, and change how they do.</summary>
public sealed class AccountTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task A_passkey_is_added_opens_the_account_without_a_password_and_is_dead_once_removed()
    {
        await using var visitor = await InvitedAsync("pia@example.com");
        var page = visitor.Page;
        var cdp = await page.Context.NewCDPSessionAsync(page);
        await cdp.SendAsync("WebAuthn.enable");
        await cdp.SendAsync("WebAuthn.addVirtualAuthenticator", new()
        {
            ["options"] = new Dictionary<string, object>
            {
                ["protocol"] = "ctap2",
                ["transport"] = "internal",
                ["hasResidentKey"] = true,
                ["hasUserVerification"] = true,
                ["isUserVerified"] = true,
                ["automaticPresenceSimulation"] = true,
            },
        });
        await page.GotoAsync("/account");
        await visitor.AssertAccessibleAsync();
        await page.GetByLabel("What to call it").FillAsync("My phone");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await Expect(page.GetByText("The passkey works from now on.")).ToBeVisibleAsync();
        await Expect(page.GetByText("My phone")).ToBeVisibleAsync();
        await visitor.AssertAccessibleAsync();
        await visitor.TakePictureAsync("account-passkey-desktop-light");

        await SignOutAsync(page);
        await page.GotoAsync("/admin/albums"); // and where one wanted to go is where one comes to
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/admin/albums");

        await page.GotoAsync("/account");
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove My phone" }).ClickAsync();
        await Expect(page.GetByText("The passkey was removed.")).ToBeVisibleAsync();
        await SignOutAsync(page);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await Expect(page.GetByText("This passkey is not known here.")).ToBeVisibleAsync();
        await visitor.AssertAccessibleAsync();
    }

    [Fact]
    public async Task A_credential_that_nobody_asked_for_signs_nobody_in()
    {
        await using var visitor = await browser.VisitAsync(host);
        await visitor.Page.GotoAsync("/sign-in");
        await visitor.Page.EvaluateAsync("""
            () => {
              const form = document.querySelector('form[data-passkey]');
              form.querySelector('[name=Credential]').value = '{"id":"AQ","rawId":"AQ","type":"public-key","clientExtensionResults":{},"response":{}}';
              form.submit();
            }
            """);
        await Expect(visitor.Page.GetByText("This passkey is not known here.")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Codes_are_set_up_asked_for_and_given_up_and_a_recovery_code_works_once()
    {
        await using var visitor = await InvitedAsync("otto@example.com");
        var page = visitor.Page;
        await page.GotoAsync("/account");
        await page.GetByRole(AriaRole.Button, new() { Name = "Set up an authenticator" }).ClickAsync();
        await visitor.AssertAccessibleAsync();
        var key = (await page.Locator(".recovery").InnerTextAsync()).Replace(" ", "", StringComparison.Ordinal);
        await page.GetByLabel("Its code").FillAsync("000000");
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask for codes" }).ClickAsync();
        await Expect(page.GetByText("The code is not right.")).ToBeVisibleAsync();
        await page.GetByLabel("Its code").FillAsync(Totp.CodeOf(key));
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask for codes" }).ClickAsync();
        await Expect(page.GetByText("10 recovery codes are left.")).ToBeVisibleAsync();
        var recovery = (await page.Locator(".recovery").InnerTextAsync()).Split(' ')[0];
        await visitor.AssertAccessibleAsync();

        await SignInAsync(page, Totp.CodeOf(key));
        await page.WaitForURLAsync("**/admin");
        await SignInAsync(page, recovery);
        await page.WaitForURLAsync("**/admin");
        await SignInAsync(page, recovery);
        await Expect(page.GetByText("The code is not right.")).ToBeVisibleAsync();
        await SignInAsync(page, Totp.CodeOf(key), isSignedIn: false);
        await page.WaitForURLAsync("**/admin");

        await page.GotoAsync("/account");
        await page.GetByRole(AriaRole.Textbox, new() { Name = "Password", Exact = true }).FillAsync("not the password");
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask for no codes any more" }).ClickAsync();
        await Expect(page.GetByText("The password is not right.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Textbox, new() { Name = "Password", Exact = true }).FillAsync(PortalHost.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask for no codes any more" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Set up an authenticator" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_new_password_ends_the_other_sessions_and_leaves_this_one()
    {
        await using var visitor = await InvitedAsync("nora@example.com");
        var page = visitor.Page;
        await using var elsewhere = await browser.VisitAsync(host, session: await page.Context.StorageStateAsync(), hostName: "localhost");
        await page.GotoAsync("/account");
        await page.GetByLabel("Present password").FillAsync(PortalHost.Password);
        await page.GetByLabel("New password").FillAsync("another long password");
        await page.GetByRole(AriaRole.Button, new() { Name = "Change it" }).ClickAsync();
        await Expect(page.GetByText("The password was changed")).ToBeVisibleAsync();
        await page.GotoAsync("/account");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Your account" })).ToBeVisibleAsync();
        await elsewhere.Page.GotoAsync("/account");
        await Expect(elsewhere.Page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();
    }

    // Passkeys are for names, not for IP addresses.
    private async Task<Visitor> InvitedAsync(string email)
    {
        await (await browser.VisitAsAdminAsync(host)).DisposeAsync();
        var visitor = await browser.VisitAsync(host, hostName: "localhost");
        await visitor.Page.GotoAsync(AccountPaths.InvitationOf(await host.InviteAsync(AccountRoles.Viewer)));
        await visitor.Page.GetByLabel("E-mail").FillAsync(email);
        await visitor.Page.GetByLabel("Password").FillAsync(PortalHost.Password);
        await visitor.Page.GetByRole(AriaRole.Button).ClickAsync();
        await visitor.Page.WaitForURLAsync("**/admin");
        return visitor;
    }

    private static async Task SignOutAsync(IPage page)
    {
        await page.GotoAsync("/admin");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.WaitForURLAsync("**/sign-in");
    }

    private static async Task SignInAsync(IPage page, string code, bool isSignedIn = true)
    {
        if (isSignedIn)
        {
            await SignOutAsync(page);
        }

        await page.GotoAsync("/sign-in");
        await page.GetByLabel("E-mail").FillAsync("otto@example.com");
        await page.GetByLabel("Password").FillAsync(PortalHost.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await page.GetByLabel("Code of your authenticator").FillAsync(code);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
    }
}
