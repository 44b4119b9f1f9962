using Microsoft.Playwright;
using Xunit;

namespace Portal.Tests;

/// <summary>What holds for every page, in both themes and on a phone. The pictures of <c>./test --screenshots</c> come from here.</summary>
public sealed class PageTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    private const int MostAdminBytes = 120_000;

    /// <summary>Both themes and both sizes once; all three looks where pictures are wanted.</summary>
    public static TheoryData<ColorScheme, bool> Looks => Visitor.TakesPictures
        ? new() { { ColorScheme.Light, false }, { ColorScheme.Dark, false }, { ColorScheme.Light, true } }
        : new() { { ColorScheme.Light, true }, { ColorScheme.Dark, false } };

    [Theory]
    [MemberData(nameof(Looks))]
    public async Task Admin_pages_are_accessible_and_light(ColorScheme theme, bool phone)
    {
        var completed = await host.CompletedAlbumAsync("anna-ben");
        var failed = await host.FailedAlbumAsync("kim-lee");
        foreach (var (name, path) in new[]
        {
            ("overview", "/admin"), ("albums", "/admin/albums"), ("album", $"/admin/albums/{completed}"), ("album-failed", $"/admin/albums/{failed}"),
            ("subscriptions", "/admin/subscriptions"), ("nodes", "/admin/nodes"), ("settings", "/admin/settings"), ("costs", "/admin/costs"), ("uploads", "/admin/uploads"), ("sites", "/admin/sites"), ("audit", "/admin/audit"),
            ("keys", "/admin/keys"), ("people", "/admin/people"), ("streams", "/admin/streams"),
            ("stream", $"/admin/streams/album-{failed}"),
        })
        {
            await using var visitor = await browser.VisitAsAdminAsync(host, theme, phone);
            await visitor.OpenLiveAsync(path);
            await visitor.AssertAccessibleAsync();
            Assert.InRange(await visitor.TransferredBytesAsync(), 1_000, MostAdminBytes);
            await visitor.TakePictureAsync($"{name}-{(phone ? "phone" : "desktop")}-{theme}".ToLowerInvariant());
        }
    }
}
