using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Testing;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

/// <summary>Somebody who guesses the password of a share link, from as many addresses as they like.</summary>
public sealed class SharePasswordTests(SharePasswordTests.Host host, Browser browser) : IClassFixture<SharePasswordTests.Host>
{
    private const string Password = "white roses";
    private const int MostWrong = 30;

    private IWeddings Weddings => host.Services.GetRequiredService<IWeddings>();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_link_that_is_guessed_at_checks_no_password_for_ten_minutes()
    {
        var token = await TokenAsync("guessed");
        var opened = (await Weddings.UnlockAsync(token, Password, Cancellation)).Ticket;
        for (var i = 1; i < MostWrong; i++)
        {
            Assert.Equal(new UnlockAttempt(null), await Weddings.UnlockAsync(token, "red roses", Cancellation));
        }

        // The right one is none of those that count.
        Assert.NotNull((await Weddings.UnlockAsync(token, Password, Cancellation)).Ticket);
        Assert.NotNull((await Weddings.UnlockAsync(token, Password, Cancellation)).Ticket);
        Assert.Equal(new UnlockAttempt(null), await Weddings.UnlockAsync(token, "red roses", Cancellation));
        Assert.Equal(new UnlockAttempt(null, HasToWait: true), await Weddings.UnlockAsync(token, Password, Cancellation));
        Assert.False((await Weddings.OpenAsync(token, opened, Cancellation))!.IsLocked);
        Assert.NotNull((await Weddings.UnlockAsync(await TokenAsync("guessed"), Password, Cancellation)).Ticket); // another link of the wedding

        await using var friend = await browser.VisitAsync(host, phone: true);
        var page = friend.Page;
        await page.GotoAsync($"/s/{token}");
        await page.GetByLabel("Password").FillAsync(Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Show the photos" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("try again in ten minutes");
        await friend.AssertAccessibleAsync();

        host.Clock.Shift += TimeSpan.FromMinutes(11);
        await page.GetByLabel("Password").FillAsync(Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Show the photos" }).ClickAsync();
        await Expect(page.GetByLabel("Password")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Many_guesses_at_once_are_no_more_than_one_after_another()
    {
        var token = await TokenAsync("at-once");
        var attempts = await Task.WhenAll(Enumerable.Range(0, MostWrong + 10).Select(_ => Weddings.UnlockAsync(token, "red roses", Cancellation)));
        Assert.Equal(10, attempts.Count(attempt => attempt.HasToWait));
    }

    private async Task<string> TokenAsync(string weddingId)
    {
        await host.LinkAsync(weddingId, LinkKind.Couple);
        return (await Weddings.IssueLinkAsync(weddingId, new IssueLink(LinkKind.Share, Password: Password), "ann", Cancellation)).Token;
    }

    public sealed class Host : PortalHost
    {
        internal ShiftedClock Clock { get; } = new();

        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            base.ConfigureWebHost(builder);
            builder.ConfigureTestServices(services => services.AddSingleton<TimeProvider>(Clock));
        }
    }
}
