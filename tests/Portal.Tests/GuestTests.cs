using Microsoft.Playwright;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class GuestTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>, IAsyncDisposable
{
    private readonly Phone phone = new();

    private const int MostBytes = 30_000;
    private const int Files = 20;

    public ValueTask DisposeAsync() => phone.DisposeAsync();

    [Fact]
    public async Task A_guest_sends_20_files_with_a_connection_cut_in_the_middle_and_sees_them_after_a_reload()
    {
        var link = await host.LinkAsync("guests", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host, phone: true);
        var page = guest.Page;
        await page.GotoAsync(link);
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Anna & Ben" })).ToBeVisibleAsync();
        await guest.AssertAccessibleAsync();
        Assert.InRange(await guest.TransferredBytesAsync(), 1_000, MostBytes);
        await guest.TakePictureAsync("guest-phone-light");

        var input = page.Locator("[data-files]");
        var pictures = phone.Photos(Files);
        var cut = 0;
        await page.RouteAsync("**/chunk", async route =>
        {
            // The network is gone while the fifth file is on its way.
            await (Interlocked.Increment(ref cut) is >= 5 and <= 7 ? route.AbortAsync("connectionreset") : route.ContinueAsync());
        });
        await input.SetInputFilesAsync(pictures);
        await Expect(page.GetByText($"All {Files} files have arrived.")).ToBeVisibleAsync();
        await guest.AssertAccessibleAsync();
        await guest.TakePictureAsync("guest-done-phone-light");

        await page.ReloadAsync();
        await Expect(page.GetByText($"{Files} files of yours have arrived.")).ToBeVisibleAsync();
        await input.SetInputFilesAsync(pictures[..3]);
        await Expect(page.GetByText("3 of them are here already.")).ToBeVisibleAsync();
        Assert.Equal(Files, (await host.CompletedUploadsAsync("guests")).Count);
    }

    /// <summary>A whole evening at once: the list stays usable, and the video goes up in chunks beside the photos.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task A_guest_sends_500_files_and_a_video_of_2_GB()
    {
        var link = await host.LinkAsync("evening", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host, phone: true);
        string[] paths = [.. phone.Photos(499), phone.Film("VID_1.mp4", 2_000_000_000)];

        await guest.Page.GotoAsync(link);
        await guest.Page.Locator("[data-files]").SetInputFilesAsync(paths);
        await Expect(guest.Page.GetByText("All 500 files have arrived.")).ToBeVisibleAsync(new() { Timeout = 600_000 });
        await guest.AssertAccessibleAsync();
        await guest.TakePictureAsync("guest-500-phone-light");
        await guest.Page.ReloadAsync();
        await Expect(guest.Page.GetByText("500 files of yours have arrived.")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_guest_says_who_they_are_and_takes_a_photo_back()
    {
        var link = await host.LinkAsync("zoe-max", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host, phone: true);
        var page = guest.Page;
        await page.GotoAsync(link);
        await page.GetByLabel("Your name").FillAsync("Aunt Zoë");
        await page.Locator("[data-files]").SetInputFilesAsync(phone.Photos(2));
        await Expect(page.GetByText("All 2 files have arrived.")).ToBeVisibleAsync();
        Assert.Equal(["Aunt Zoë", "Aunt Zoë"], (await host.CompletedUploadsAsync("zoe-max")).Select(upload => upload.GetProperty("guestName").GetString()));

        // A phone hands the same photo out as a new file each time: its bytes tell.
        File.SetLastWriteTimeUtc(phone.PathOf("IMG_5001.jpg"), new DateTime(2026, 6, 20, 12, 0, 0, DateTimeKind.Utc));
        await page.Locator("[data-files]").SetInputFilesAsync(phone.PathOf("IMG_5001.jpg"));
        await Expect(page.GetByText("One of them is here already.")).ToBeVisibleAsync();

        await page.ReloadAsync();
        await Expect(page.GetByLabel("Your name")).ToHaveValueAsync("Aunt Zoë");
        await page.GetByRole(AriaRole.Button, new() { Name = "Take back IMG_5001.jpg" }).ClickAsync();
        await guest.AssertAccessibleAsync();
        await guest.TakePictureAsync("guest-take-back-phone-light");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Keep it" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Take back IMG_5001.jpg" }).ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Take back" }).ClickAsync();
        await Expect(page.GetByText("IMG_5001.jpg was taken back.")).ToBeVisibleAsync();
        await page.ReloadAsync();
        await Expect(page.GetByText("One file of yours has arrived.")).ToBeVisibleAsync();
        var left = Assert.Single(await host.CompletedUploadsAsync("zoe-max"));
        Assert.Equal("IMG_5002.jpg", left.GetProperty("fileName").GetString());
        await page.Locator("[data-files]").SetInputFilesAsync(phone.PathOf("IMG_5001.jpg"));
        await Expect(page.GetByText("Your file has arrived.")).ToBeVisibleAsync();
        Assert.Equal(2, (await host.CompletedUploadsAsync("zoe-max")).Count);
    }

    [Fact]
    public async Task A_revoked_link_is_dead_at_once()
    {
        var link = await host.LinkAsync("revoked", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host);
        await guest.Page.GotoAsync(link);
        await host.RevokeLinksAsync("revoked");
        var answer = await guest.Page.GotoAsync(link);
        Assert.Equal(410, answer!.Status);
        await Expect(guest.Page.GetByRole(AriaRole.Heading, new() { Name = "This link does not work" })).ToBeVisibleAsync();
    }
}
