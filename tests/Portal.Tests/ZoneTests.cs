using System.Globalization;
using Weddings.Contracts;
using Xunit;

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
        var times = page.Locator("main time");
        Assert.InRange(await times.CountAsync(), 3, 100);
        foreach (var time in await times.AllAsync())
        {
            var at = DateTimeOffset.Parse((await time.GetAttributeAsync("title"))!, CultureInfo.InvariantCulture);
            var there = TimeZoneInfo.ConvertTime(at, TimeZoneInfo.FindSystemTimeZoneById("Europe/Vienna"));
            Assert.EndsWith(there.ToString("HH:mm:ss", CultureInfo.InvariantCulture) + " Europe/Vienna", await time.InnerTextAsync(), StringComparison.Ordinal);
        }

        await admin.OpenLiveAsync("/admin/albums");
        Assert.EndsWith(" UTC", await page.Locator("td time").First.InnerTextAsync(), StringComparison.Ordinal);
    }
}
