using Microsoft.AspNetCore.Hosting;
using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class SkipTests(IdleHost host, Browser browser) : IClassFixture<IdleHost>
{
    [Fact]
    public async Task An_admin_skips_a_file_that_is_not_packed()
    {
        await host.SendPhotoAsync("skipped", 1);
        await host.SendPhotoAsync("skipped", 2);
        var album = await host.DownloadedAlbumAsync("skipped");
        await using var admin = await browser.VisitAsAdminAsync(host);
        await admin.OpenLiveAsync($"/admin/albums/{album}");
        await admin.AssertAccessibleAsync();
        var skip = admin.Page.GetByRole(AriaRole.Button, new() { Name = "Skip IMG_2.jpg" });
        await skip.ClickAsync();
        await Expect(admin.Page.GetByText("file_skip_requested")).ToBeVisibleAsync();
        await Expect(skip).ToHaveCountAsync(0);
        await Expect(admin.Page.GetByRole(AriaRole.Button, new() { Name = "Skip IMG_1.jpg" })).ToBeVisibleAsync();
    }
}

/// <summary>A host whose albums wait for a process of somebody else's.</summary>
public sealed class IdleHost : PortalHost
{
    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.UseSetting("Albums:Run", "Batch");
    }
}
