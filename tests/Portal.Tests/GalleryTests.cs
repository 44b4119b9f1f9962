using System.IO.Compression;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Platform.Storage;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class GalleryTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    private const int MostBytes = 30_000;

    [Fact]
    public async Task A_couple_sees_small_pictures_marks_and_hides_them_and_downloads_those_it_chose()
    {
        var link = await host.LinkAsync("anna-ben", LinkKind.Couple);
        await host.SendPhotoAsync("anna-ben", 1, "Aunt Zoë");
        await host.SendPhotoAsync("anna-ben", 2);
        await host.SendFileAsync("anna-ben", "IMG_3.jpg", "image/jpeg", [0xFF, 0xD8, 0xFF, 0xE0, .. new byte[500]]); // begins like a picture, and is none
        await host.SendFileAsync("anna-ben", "dance.mp4", "video/mp4", [0, 0, 0, 16, .. "ftypmp42"u8, 0, 0, 0, 0, .. new byte[500]]);
        await using var couple = await browser.VisitAsync(host, phone: true);
        var page = couple.Page;
        var answer = await page.GotoAsync(link);
        Assert.StartsWith("default-src 'self'", await answer!.HeaderValueAsync("content-security-policy"), StringComparison.Ordinal);
        Assert.DoesNotContain("style=", await page.ContentAsync(), StringComparison.Ordinal);
        await Expect(page.Locator(".photos img")).ToHaveCountAsync(2);
        await Expect(page.GetByText("dance.mp4")).ToBeVisibleAsync();
        await Expect(page.GetByText("Aunt Zoë")).ToBeVisibleAsync();
        await Expect(page.Locator("[data-waiting]")).ToHaveCountAsync(0);
        await page.ReloadAsync();
        var widths = await page.EvaluateAsync<int[]>("() => Promise.all([...document.images].map(async image => (await image.decode(), image.naturalWidth)))");
        Assert.Equal([480, 480], widths);
        await couple.AssertAccessibleAsync();
        Assert.InRange(await couple.TransferredBytesAsync(), 1_000, MostBytes);

        await page.GetByRole(AriaRole.Checkbox, new() { Name = "IMG_1.jpg" }).CheckAsync();
        await Expect(page.GetByText("1 chosen")).ToBeVisibleAsync();
        await couple.TakePictureAsync("couple-photos-phone-light");
        await page.GetByRole(AriaRole.Button, new() { Name = "♥ Favourite" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Favourites 1" })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Checkbox, new() { Name = "IMG_2.jpg" }).CheckAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Hide" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "All 3" })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Hidden 1" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Checkbox, new() { Name = "IMG_2.jpg" })).ToBeVisibleAsync();

        await page.GetByRole(AriaRole.Link, new() { Name = "Favourites 1" }).ClickAsync();
        Assert.Equal(["IMG_1.jpg"], await EntriesAsync(page, "Download all favourites"));
        await page.GetByRole(AriaRole.Link, new() { Name = "All 3" }).ClickAsync();
        await page.GetByRole(AriaRole.Checkbox, new() { Name = "IMG_1.jpg" }).CheckAsync();
        await page.GetByRole(AriaRole.Checkbox, new() { Name = "dance.mp4" }).CheckAsync();
        Assert.Equal(["IMG_1.jpg", "dance.mp4"], await EntriesAsync(page, "Download"));
    }

    [Fact]
    public async Task Many_photos_come_as_one_scrolls()
    {
        var link = await host.LinkAsync("many", LinkKind.Couple);
        for (var i = 0; i < 40; i++)
        {
            await host.SendFileAsync("many", $"film_{i:00}.mp4", "video/mp4", [0, 0, 0, 16, .. "ftypmp42"u8, 0, 0, 0, 0, (byte)i]);
        }

        await using var couple = await browser.VisitAsync(host, ColorScheme.Dark);
        await couple.Page.GotoAsync(link);
        Assert.InRange(await couple.TransferredBytesAsync(), 1_000, MostBytes);
        await couple.Page.EvaluateAsync("scrollTo(0, document.body.scrollHeight)");
        await Expect(couple.Page.Locator(".photos li")).ToHaveCountAsync(40);
        await Expect(couple.Page.Locator(".more")).ToHaveCountAsync(0);
        await couple.AssertAccessibleAsync();
    }

    [Fact]
    public async Task A_couple_shares_its_photos_with_a_password_and_ends_that()
    {
        var link = await host.LinkAsync("kim-lee", LinkKind.Couple);
        await host.SendPhotoAsync("kim-lee", 1);
        var hidden = await host.SendPhotoAsync("kim-lee", 2);
        await using var couple = await browser.VisitAsync(host);
        await couple.Page.GotoAsync(link);
        await Expect(couple.Page.Locator(".photos img")).ToHaveCountAsync(2);
        await couple.Page.GetByRole(AriaRole.Checkbox, new() { Name = "IMG_2.jpg" }).CheckAsync();
        await couple.Page.GetByRole(AriaRole.Button, new() { Name = "Hide" }).ClickAsync();
        await couple.Page.GetByLabel("Password").FillAsync("white roses");
        await couple.Page.GetByRole(AriaRole.Button, new() { Name = "Make a link to share" }).ClickAsync();
        var address = new Uri(await couple.Page.Locator("p.code").TextContentAsync() ?? "").AbsolutePath;
        await couple.AssertAccessibleAsync();

        await using var friend = await browser.VisitAsync(host, ColorScheme.Dark, phone: true);
        var page = friend.Page;
        await page.GotoAsync(address);
        await Expect(page.Locator(".photos")).ToHaveCountAsync(0);
        await friend.AssertAccessibleAsync();
        await page.GetByLabel("Password").FillAsync("red roses");
        await page.GetByRole(AriaRole.Button, new() { Name = "Show the photos" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("not the password");
        await page.GetByLabel("Password").FillAsync("white roses");
        await page.GetByRole(AriaRole.Button, new() { Name = "Show the photos" }).ClickAsync();
        await Expect(page.Locator(".photos img")).ToHaveCountAsync(1);
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Hide" })).ToHaveCountAsync(0);
        await Expect(page.GetByText("Make a code for guests")).ToHaveCountAsync(0);
        await friend.AssertAccessibleAsync();
        await friend.TakePictureAsync("shared-phone-dark");
        var thumbnail = (await page.Locator(".photos img").GetAttributeAsync("src"))!;
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(page, thumbnail));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(page, $"{address}/photos/{hidden}/thumbnail"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(couple.Page, thumbnail)); // without the password

        await couple.Page.GotoAsync(link);
        await couple.Page.GetByRole(AriaRole.Button, new() { Name = "End it" }).ClickAsync();
        await Expect(couple.Page.GetByText("Links you gave out")).ToHaveCountAsync(0);
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(page, thumbnail));
        Assert.Equal(410, (await page.GotoAsync(address))!.Status);
    }

    [Fact]
    public async Task A_new_address_of_the_page_ends_the_old_one()
    {
        var link = await host.LinkAsync("eva-tom", LinkKind.Couple);
        await using var couple = await browser.VisitAsync(host);
        await couple.Page.GotoAsync(link);
        await couple.Page.GetByRole(AriaRole.Button, new() { Name = "New address" }).ClickAsync();
        await couple.Page.WaitForURLAsync(url => url.Contains("/w/", StringComparison.Ordinal) && !url.EndsWith(link, StringComparison.Ordinal), Visitor.AtOnce);
        await Expect(couple.Page.GetByRole(AriaRole.Heading, new() { Name = "Anna & Ben" })).ToBeVisibleAsync();
        Assert.Equal(410, (await couple.Page.GotoAsync(link))!.Status);
    }

    [Fact]
    public async Task A_photo_that_a_guest_took_back_is_gone_with_its_thumbnail()
    {
        var link = await host.LinkAsync("priya-raj", LinkKind.Couple);
        var token = Platform.Accounts.Secret.New();
        var photo = await host.SendPhotoAsync("priya-raj", 1, withdrawToken: token);
        await using var couple = await browser.VisitAsync(host);
        await couple.Page.GotoAsync(link);
        await Expect(couple.Page.Locator(".photos img")).ToHaveCountAsync(1);
        var storage = host.Services.GetRequiredService<IObjectStorage>();
        var key = Assert.Single((await storage.ListAsync("gallery/priya-raj/", null, TestContext.Current.CancellationToken)).Objects).Key;
        await host.WithdrawAsync(photo, token);
        while (await storage.HeadAsync(key, TestContext.Current.CancellationToken) is not null)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken); // a job deletes it
        }

        await couple.Page.ReloadAsync();
        await Expect(couple.Page.Locator(".photos")).ToHaveCountAsync(0);
    }

    private static async Task<HttpStatusCode> StatusAsync(IPage page, string path) =>
        (HttpStatusCode)(await page.Context.APIRequest.GetAsync(path, new() { MaxRedirects = 0 })).Status;

    private static async Task<string[]> EntriesAsync(IPage page, string button)
    {
        var zip = await page.RunAndWaitForDownloadAsync(() => page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync());
        await using var archive = await ZipFile.OpenReadAsync(await zip.PathAsync(), TestContext.Current.CancellationToken);
        return [.. archive.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal)];
    }
}
