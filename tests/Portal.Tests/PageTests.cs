using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

/// <summary>What holds for every page, in both themes and on a phone. The pictures of <c>./test --screenshots</c> come from here.</summary>
public sealed class PageTests(ShowcaseHost host, Browser browser) : IClassFixture<ShowcaseHost>
{
    private const int MostAdminBytes = 120_000;
    private const int MostBytes = 30_000;

    /// <summary>Both themes and both sizes once; all three looks where pictures are wanted.</summary>
    public static TheoryData<ColorScheme, bool> Looks => Visitor.TakesPictures
        ? new() { { ColorScheme.Light, false }, { ColorScheme.Dark, false }, { ColorScheme.Light, true } }
        : new() { { ColorScheme.Light, true }, { ColorScheme.Dark, false } };

    [Theory]
    [MemberData(nameof(Looks))]
    public async Task Admin_pages_are_accessible_and_light(ColorScheme theme, bool phone)
    {
        await (await browser.VisitAsAdminAsync(host)).DisposeAsync();
        var shown = await host.FillAsync();
        if (Visitor.TakesPictures)
        {
            await host.PackLargeAlbumsAsync();
        }

        var violations = new List<string>();
        foreach (var (name, path, opens) in new[]
        {
            ("overview", "/admin", null), ("albums", "/admin/albums", "Replay…"), ("album", $"/admin/albums/{shown.Completed}", "Delete…"),
            ("album-failed", $"/admin/albums/{shown.Failed}", null), ("weddings", "/admin/weddings", null), ("wedding", $"/admin/weddings/{shown.WeddingId}", null),
            ("uploads", "/admin/uploads", null), ("sites", "/admin/sites", null), ("costs", "/admin/costs", null), ("subscriptions", "/admin/subscriptions", null),
            ("nodes", "/admin/nodes", null), ("streams", "/admin/streams", null), ("stream", $"/admin/streams/album-{shown.Failed}", null),
            ("audit", "/admin/audit", null), ("keys", "/admin/keys", null), ("people", "/admin/people", null), ("settings", "/admin/settings", null),
        })
        {
            await using var visitor = await browser.VisitAsAdminAsync(host, theme, phone);
            await visitor.OpenLiveAsync(path);
            violations.AddRange(await visitor.ViolationsAsync());
            Assert.InRange(await visitor.TransferredBytesAsync(), 1_000, MostAdminBytes);
            await visitor.TakePictureAsync(Picture(name, theme, phone));
            if (opens is not null)
            {
                await visitor.Page.GetByRole(AriaRole.Button, new() { Name = opens }).ClickAsync();
                await Expect(visitor.Page.GetByRole(AriaRole.Dialog)).ToBeVisibleAsync();
                violations.AddRange(await visitor.ViolationsAsync());
                await visitor.TakePictureAsync(Picture($"{name}-dialog", theme, phone));
            }
        }

        Assert.True(violations.Count == 0, string.Join('\n', violations));
    }

    [Fact]
    public async Task German_admin_pages_fit_a_phone()
    {
        await (await browser.VisitAsAdminAsync(host)).DisposeAsync();
        var shown = await host.FillAsync();
        await using var visitor = await browser.VisitAsync(host, phone: true, session: host.Session, locale: "de-DE");
        foreach (var (name, path) in new[]
        {
            ("overview", "/admin"), ("album", $"/admin/albums/{shown.Failed}"), ("wedding", $"/admin/weddings/{shown.WeddingId}"),
            ("sites", "/admin/sites"), ("costs", "/admin/costs"), ("settings", "/admin/settings"),
        })
        {
            await visitor.OpenLiveAsync(path);
            await visitor.TakePictureAsync($"{name}-german-phone-light");
            Assert.Equal(390, await visitor.Page.EvaluateAsync<int>("document.documentElement.scrollWidth")); // tables scroll by themselves
        }
    }

    [Theory]
    [MemberData(nameof(Looks))]
    public async Task Pages_without_an_account_are_accessible_and_lighter(ColorScheme theme, bool phone)
    {
        await (await browser.VisitAsAdminAsync(host)).DisposeAsync();
        var shown = await host.FillAsync();
        await using (var couple = await browser.VisitAsync(host))
        {
            await couple.Page.GotoAsync(shown.CouplePath);
            await Expect(couple.Page.Locator("[data-waiting]")).ToHaveCountAsync(0); // thumbnails are made
        }

        var invitation = Platform.Accounts.AccountPaths.InvitationOf(await host.InviteAsync("viewer"));
        foreach (var (name, path) in new[]
        {
            ("start", "/"), ("not-found", "/not-found"), ("sign-in", "/sign-in"), ("couple-sign-in", "/couple/sign-in"),
            ("invitation", invitation), ("invitation-used", "/invitation/none"), ("denied", "/denied"),
            ("couple", shown.CouplePath), ("guest", shown.GuestPath), ("link-dead", "/g/none"),
        })
        {
            await using var visitor = await browser.VisitAsync(host, theme, phone);
            await visitor.Page.GotoAsync(path);
            await visitor.AssertAccessibleAsync();
            Assert.InRange(await visitor.TransferredBytesAsync(), 1_000, MostBytes);
            await visitor.TakePictureAsync(Picture(name, theme, phone));
        }
    }

    private static string Picture(string name, ColorScheme theme, bool phone) => $"{name}-{(phone ? "phone" : "desktop")}-{theme}".ToLowerInvariant();
}
