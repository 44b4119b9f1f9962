using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Platform.Events;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class GuestTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>, IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("guest-");

    private const int MostBytes = 30_000;
    private const int Files = 20;

    public void Dispose() => folder.Delete(recursive: true);

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
        var pictures = Enumerable.Range(0, Files).Select(Picture).ToArray();
        var cut = 0;
        await page.RouteAsync("**/chunk", async route =>
        {
            // The network is gone while the fifth file is on its way.
            await (Interlocked.Increment(ref cut) is >= 5 and <= 7 ? route.AbortAsync("connectionreset") : route.ContinueAsync());
        });
        await input.SetInputFilesAsync(pictures);
        await Expect(page.GetByText($"All {Files} files have arrived.")).ToBeVisibleAsync(new() { Timeout = 30_000 });
        await guest.AssertAccessibleAsync();
        await guest.TakePictureAsync("guest-done-phone-light");

        await page.ReloadAsync();
        await Expect(page.GetByText($"{Files} files of yours have arrived.")).ToBeVisibleAsync();
        await input.SetInputFilesAsync(pictures[..3]);
        await Expect(page.GetByText("3 of them are here already.")).ToBeVisibleAsync();
        Assert.Equal(Files, await UploadsAsync("guests"));
    }

    /// <summary>A whole evening at once: the list stays usable, and the video goes up in chunks beside the photos.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task A_guest_sends_500_files_and_a_video_of_2_GB()
    {
        var link = await host.LinkAsync("evening", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host, phone: true);
        string[] paths = [.. Enumerable.Range(0, 499).Select(Picture), Path.Combine(folder.FullName, "VID_1.mp4")];
        await using (var video = File.Create(paths[^1]))
        {
            await video.WriteAsync((byte[])[0, 0, 0, 24, .. "ftypmp42"u8], TestContext.Current.CancellationToken);
            video.SetLength(2_000_000_000);
        }

        await guest.Page.GotoAsync(link);
        await guest.Page.Locator("[data-files]").SetInputFilesAsync(paths);
        await Expect(guest.Page.GetByText("All 500 files have arrived.")).ToBeVisibleAsync(new() { Timeout = 600_000 });
        await guest.AssertAccessibleAsync();
        await guest.TakePictureAsync("guest-500-phone-light");
        await guest.Page.ReloadAsync();
        await Expect(guest.Page.GetByText("500 files of yours have arrived.")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_page_that_was_closed_in_the_middle_goes_on_where_it_stopped()
    {
        var link = await host.LinkAsync("closed", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host, ColorScheme.Dark);
        var picture = Picture(1);
        await guest.Page.GotoAsync(link);
        await guest.Page.RouteAsync("**/complete", route => Task.CompletedTask); // never answered
        await guest.Page.Locator("[data-files]").SetInputFilesAsync(picture);
        await guest.Page.WaitForRequestAsync("**/complete");
        guest.Page.Dialog += async (_, dialog) => await dialog.AcceptAsync(); // leave the page?
        await guest.Page.ReloadAsync();
        await Expect(guest.Page.GetByText("Not finished yet: IMG_5001.jpg")).ToBeVisibleAsync();
        await guest.Page.UnrouteAllAsync(new() { Behavior = UnrouteBehavior.IgnoreErrors });
        await guest.AssertAccessibleAsync();
        await guest.Page.Locator("[data-files]").SetInputFilesAsync(picture);
        await Expect(guest.Page.GetByText("Your file has arrived.")).ToBeVisibleAsync();
        Assert.Equal(1, await UploadsAsync("closed"));
    }

    [Fact]
    public async Task A_guest_says_who_they_are_and_takes_a_photo_back()
    {
        var link = await host.LinkAsync("zoe-max", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host, phone: true);
        var page = guest.Page;
        await page.GotoAsync(link);
        await page.GetByLabel("Your name").FillAsync("Aunt Zoë");
        await page.Locator("[data-files]").SetInputFilesAsync([Picture(1), Picture(2)]);
        await Expect(page.GetByText("All 2 files have arrived.")).ToBeVisibleAsync();
        Assert.Equal(["Aunt Zoë", "Aunt Zoë"], (await CompletedAsync("zoe-max")).Select(upload => upload.GetProperty("guestName").GetString()));

        // A phone hands the same photo out as a new file each time: its bytes tell.
        File.SetLastWriteTimeUtc(Path.Combine(folder.FullName, "IMG_5001.jpg"), new DateTime(2026, 6, 20, 12, 0, 0, DateTimeKind.Utc));
        await page.Locator("[data-files]").SetInputFilesAsync(Path.Combine(folder.FullName, "IMG_5001.jpg"));
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
        var left = Assert.Single(await CompletedAsync("zoe-max"));
        Assert.Equal("IMG_5002.jpg", left.GetProperty("fileName").GetString());
        await page.Locator("[data-files]").SetInputFilesAsync(Path.Combine(folder.FullName, "IMG_5001.jpg"));
        await Expect(page.GetByText("Your file has arrived.")).ToBeVisibleAsync();
        Assert.Equal(2, await UploadsAsync("zoe-max"));
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

    // On the disk, because a file is known again by its time of change too.
    private string Picture(int number)
    {
        var bytes = new byte[40_000 + number];
        Random.Shared.NextBytes(bytes);
        new byte[] { 0xFF, 0xD8, 0xFF, 0xE0 }.CopyTo(bytes, 0); // how a JPEG begins
        var path = Path.Combine(folder.FullName, $"IMG_{5000 + number}.jpg");
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private async Task<int> UploadsAsync(string weddingId) => (await CompletedAsync(weddingId)).Count;

    private async Task<List<JsonElement>> CompletedAsync(string weddingId)
    {
        await host.Services.GetRequiredService<Subscriptions>().CatchUpAsync("uploads", TestContext.Current.CancellationToken);
        using var client = host.CreateClient();
        var list = await client.GetFromJsonAsync<JsonElement>($"/v1/uploads?weddingId={weddingId}", TestContext.Current.CancellationToken);
        return [.. list.GetProperty("uploads").EnumerateArray().Where(upload => upload.GetProperty("status").GetString() == "completed")];
    }
}
