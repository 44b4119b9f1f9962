using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

/// <summary>With a host of their own: the lists of other tests would have a thousand failures.</summary>
public sealed class BulkTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task An_admin_replays_a_thousand_failures_at_once_and_aborts()
    {
        await host.FailedAlbumsAsync("many", 1_000);
        await using var admin = await browser.VisitAsAdminAsync(host);
        var page = admin.Page;
        await admin.OpenLiveAsync("/admin/albums?q=many&status=Failed");
        await Expect(page.GetByText("1,000 albums", new() { Exact = true })).ToBeVisibleAsync(); // the page asks again until lists have them all
        await page.GetByRole(AriaRole.Button, new() { Name = "Replay…" }).ClickAsync();
        await admin.AssertAccessibleAsync();
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Replay all" }).ClickAsync();
        var bulk = page.GetByRole(AriaRole.Region, new() { Name = "Bulk action" });
        await bulk.GetByRole(AriaRole.Button, new() { Name = "Abort" }).ClickAsync();
        await Expect(bulk.GetByText("Aborted by ann.")).ToBeVisibleAsync();
        await admin.AssertAccessibleAsync();

        // It runs on to the end of its page; from then on nothing happens any more.
        await page.ReloadAsync();
        await page.Locator("main[data-live]").WaitForAsync();
        await Expect(bulk.GetByText("Aborted by ann.")).ToBeVisibleAsync();
        Assert.InRange(await host.ReplayedAlbumsAsync(), 0, 999);
    }
}
