using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Platform.Events;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

/// <summary>For those who come without a link, or with an address that is none.</summary>
public sealed class StartTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    [Theory]
    [InlineData("For couples", "/couple/sign-in", "Sign in by mail", "Sign in to your album", "en-GB")]
    [InlineData("Für Brautpaare", "/couple/sign-in", "Per Mail anmelden", "Zu eurem Album", "de-AT")]
    [InlineData("For guests", "/sign-in", "For those who run it: sign in", "Sign in", "en-GB")]
    public async Task The_start_page_leads_everybody_to_where_they_sign_in(string says, string path, string link, string heading, string locale)
    {
        await using var stranger = await browser.VisitAsync(host, locale: locale);
        var page = stranger.Page;
        await page.GotoAsync("/");
        await Expect(page.GetByText(says)).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = link }).ClickAsync();
        await page.WaitForURLAsync($"**{path}", Visitor.AtOnce);
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = heading })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Whoever_is_signed_in_goes_on_to_their_own_page()
    {
        await using var admin = await browser.VisitAsAdminAsync(host);
        await admin.Page.GotoAsync("/");
        await Expect(admin.Page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();

        await using var viewer = await browser.VisitAsInvitedAsync(host, "vera@example.com");
        await viewer.Page.GotoAsync("/");
        await Expect(viewer.Page.GetByRole(AriaRole.Heading, new() { Name = "Overview" })).ToBeVisibleAsync();

        var cancellationToken = TestContext.Current.CancellationToken;
        var weddings = host.Services.GetRequiredService<IWeddings>();
        await weddings.RegisterAsync(new RegisterWedding("anna-ben", "Anna & Ben", Date: null, "Europe/Vienna", ["anna@example.com"]), cancellationToken);
        await host.Services.GetRequiredService<Subscriptions>().CatchUpAsync("weddings", cancellationToken);
        await weddings.RequestSignInAsync("anna@example.com", cancellationToken);
        await using var couple = await browser.VisitAsync(host);
        await couple.Page.GotoAsync(await host.MailedSignInAsync());
        await couple.Page.GetByRole(AriaRole.Button, new() { Name = "Open it" }).ClickAsync();
        await couple.Page.WaitForURLAsync("**/couple", Visitor.AtOnce);
        await couple.Page.GotoAsync("/");
        await Expect(couple.Page.GetByRole(AriaRole.Heading, new() { Name = "Anna & Ben" })).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData("/weding-photos")]
    [InlineData("/g/")]
    [InlineData("/admin/nothing")]
    public async Task A_mistyped_address_says_so_to_people_and_leads_to_the_start_page(string path)
    {
        await using var stranger = await browser.VisitAsync(host);
        var answer = await stranger.Page.GotoAsync(path);
        Assert.Equal(404, answer!.Status);
        await Expect(stranger.Page.GetByRole(AriaRole.Heading, new() { Name = "There is nothing here" })).ToBeVisibleAsync();
        await stranger.AssertAccessibleAsync();
        await stranger.Page.GetByRole(AriaRole.Link, new() { Name = "To the start page" }).ClickAsync();
        await Expect(stranger.Page.GetByRole(AriaRole.Heading, new() { Name = "All your wedding photos" })).ToBeVisibleAsync();
        stranger.Forget(404);
    }
}
