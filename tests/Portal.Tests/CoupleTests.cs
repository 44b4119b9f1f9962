using System.IO.Compression;
using Microsoft.Playwright;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class CoupleTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    private const int MostBytes = 30_000;

    [Fact]
    public async Task A_couple_sees_its_album_and_downloads_it()
    {
        var link = await host.LinkAsync("anna-ben", LinkKind.Couple);
        await using var couple = await browser.VisitAsync(host, phone: true);
        var page = couple.Page;
        await page.GotoAsync(link);
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Your album is not packed yet" })).ToBeVisibleAsync();

        await host.CompletedAlbumAsync("anna-ben");
        await page.ReloadAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Your album is ready" })).ToBeVisibleAsync();
        await couple.AssertAccessibleAsync();
        Assert.InRange(await couple.TransferredBytesAsync(), 1_000, MostBytes);
        await couple.TakePictureAsync("couple-phone-light");
        var zip = await page.RunAndWaitForDownloadAsync(() => page.GetByRole(AriaRole.Link, new() { Name = "Download all" }).ClickAsync());
        await using var archive = await ZipFile.OpenReadAsync(await zip.PathAsync(), TestContext.Current.CancellationToken);
        Assert.Equal(3, archive.Entries.Count);
    }

    [Fact]
    public async Task An_album_of_several_ZIPs_is_downloaded_one_by_one()
    {
        var link = await host.LinkAsync("eva-tom", LinkKind.Couple);
        await host.AlbumOfThreeVolumesAsync("eva-tom");
        await using var couple = await browser.VisitAsync(host, phone: true);
        var page = couple.Page;
        await page.GotoAsync(link);
        await Expect(page.GetByText("It comes as 3 ZIPs")).ToBeVisibleAsync();
        await couple.AssertAccessibleAsync();
        await couple.TakePictureAsync("couple-volumes-phone-light");
        var zip = await page.RunAndWaitForDownloadAsync(() => page.GetByRole(AriaRole.Link, new() { Name = "ZIP 2" }).ClickAsync());
        Assert.Equal("eva-tom-2-of-3.zip", zip.SuggestedFilename);
        await using var archive = await ZipFile.OpenReadAsync(await zip.PathAsync(), TestContext.Current.CancellationToken);
        Assert.Equal("2.mp4", Assert.Single(archive.Entries).Name);
    }

    [Fact]
    public async Task A_couple_makes_a_code_for_its_guests_that_opens_their_page()
    {
        var link = await host.LinkAsync("kim-lee", LinkKind.Couple);
        await using var couple = await browser.VisitAsync(host, ColorScheme.Dark);
        await couple.Page.GotoAsync(link);
        await couple.Page.GetByRole(AriaRole.Button, new() { Name = "Make a code for guests" }).ClickAsync();
        await Expect(couple.Page.GetByRole(AriaRole.Img)).ToBeVisibleAsync();
        await couple.AssertAccessibleAsync();
        await couple.TakePictureAsync("couple-code-desktop-dark");
        var address = await couple.Page.Locator("figcaption a").GetAttributeAsync("href");
        await couple.Page.GotoAsync(new Uri(address!).AbsolutePath);
        await Expect(couple.Page.GetByText("Choose photos and videos")).ToBeVisibleAsync();
    }
}
