using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

/// <summary>Passkeys and passwords.</summary>
public sealed class AccountTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task A_passkey_is_added_opens_the_account_without_a_password_and_is_dead_once_removed()
    {
        await using var visitor = await browser.VisitAsInvitedAsync(host, "pia@example.com");
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

        await visitor.SignOutAsync();
        await page.GotoAsync("/admin/albums"); // and where one wanted to go is where one comes to
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/admin/albums", Visitor.AtOnce);

        await page.GotoAsync("/account");
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove My phone" }).ClickAsync();
        await Expect(page.GetByText("The passkey was removed.")).ToBeVisibleAsync();
        await visitor.SignOutAsync();
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
    public async Task A_new_password_ends_the_other_sessions_and_leaves_this_one()
    {
        await using var visitor = await browser.VisitAsInvitedAsync(host, "nora@example.com");
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
}
