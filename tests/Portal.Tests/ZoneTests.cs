using System.Globalization;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class ZoneTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task Times_of_an_album_are_those_of_its_wedding_and_lists_say_that_theirs_are_UTC()
    {
        await host.LinkAsync("anna-ben", LinkKind.Couple);
        var album = await host.CompletedAlbumAsync("anna-ben");
        await using var admin = await browser.VisitAsAdminAsync(host);
        var page = admin.Page;
        await admin.OpenLiveAsync($"/admin/albums/{album}");
        await Expect(page.Locator(".timeline time").First).ToBeVisibleAsync(); // the live page looks for the events anew

        // All at one moment: the page changes with its album.
        var times = await page.Locator("main time").EvaluateAllAsync<string[]>("times => times.map(time => `${time.title}|${time.innerText}`)");
        Assert.InRange(times.Length, 3, 100);
        foreach (var time in times.Select(time => time.Split('|')))
        {
            var at = DateTimeOffset.Parse(time[0], CultureInfo.InvariantCulture);
            var there = TimeZoneInfo.ConvertTime(at, TimeZoneInfo.FindSystemTimeZoneById("Europe/Vienna"));
            Assert.EndsWith(there.ToString("HH:mm:ss", CultureInfo.InvariantCulture) + " Europe/Vienna", time[1], StringComparison.Ordinal);
        }

        await admin.OpenLiveAsync("/admin/albums");
        Assert.EndsWith(" UTC", await page.Locator("td time").First.InnerTextAsync(), StringComparison.Ordinal);
    }
}
