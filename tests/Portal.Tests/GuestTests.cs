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

    private async Task<int> UploadsAsync(string weddingId)
    {
        await host.Services.GetRequiredService<Subscriptions>().CatchUpAsync("uploads", TestContext.Current.CancellationToken);
        using var client = host.CreateClient();
        var list = await client.GetFromJsonAsync<JsonElement>($"/v1/uploads?weddingId={weddingId}", TestContext.Current.CancellationToken);
        return list.GetProperty("uploads").EnumerateArray().Count(upload => upload.GetProperty("status").GetString() == "completed");
    }
}
