using Microsoft.Playwright;
using Testing;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

/// <summary>Codes of an authenticator. With a host of their own: an address may try to sign in only so often.</summary>
public sealed class CodeTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task Codes_are_set_up_asked_for_and_given_up_and_a_recovery_code_works_once()
    {
        await using var visitor = await browser.VisitAsInvitedAsync(host, "otto@example.com");
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

        await SignInAsync(visitor, Totp.CodeOf(key));
        await page.WaitForURLAsync("**/admin", Visitor.AtOnce);
        await SignInAsync(visitor, recovery);
        await page.WaitForURLAsync("**/admin", Visitor.AtOnce);
        await SignInAsync(visitor, recovery);
        await Expect(page.GetByText("The code is not right.")).ToBeVisibleAsync();
        await SignInAsync(visitor, Totp.CodeOf(key), isSignedIn: false);
        await page.WaitForURLAsync("**/admin", Visitor.AtOnce);

        await page.GotoAsync("/account");
        await page.GetByRole(AriaRole.Textbox, new() { Name = "Password", Exact = true }).FillAsync("not the password");
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask for no codes any more" }).ClickAsync();
        await Expect(page.GetByText("The password is not right.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Textbox, new() { Name = "Password", Exact = true }).FillAsync(PortalHost.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask for no codes any more" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Set up an authenticator" })).ToBeVisibleAsync();
    }

    private static async Task SignInAsync(Visitor visitor, string code, bool isSignedIn = true)
    {
        var page = visitor.Page;
        if (isSignedIn)
        {
            await visitor.SignOutAsync();
        }
        else
        {
            await page.GotoAsync("/sign-in");
        }

        await page.GetByLabel("E-mail").FillAsync("otto@example.com");
        await page.GetByLabel("Password").FillAsync(PortalHost.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await page.GetByLabel("Code of your authenticator").FillAsync(code);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
    }
}
