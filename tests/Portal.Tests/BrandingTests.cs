using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class BrandingTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    // 1 by 1 pixel.
    private static readonly byte[] Png = Convert.FromBase64String(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");

    [Fact]
    public async Task An_admin_gives_a_wedding_its_looks_and_guests_see_them()
    {
        var link = await host.LinkAsync("branded", LinkKind.Guest);
        await using var admin = await browser.VisitAsAdminAsync(host);
        var page = admin.Page;
        await admin.OpenLiveAsync("/admin/weddings/branded");
        await page.GetByLabel("Studio").FillAsync("Studio Mia");
        await page.GetByLabel("Colour").FillAsync("#f2c14e"); // nobody could read that on white
        await Expect(page.GetByText("pages use a darker shade of it")).ToBeVisibleAsync();
        await page.GetByLabel("Language of pages and mails").SelectOptionAsync("de");
        await Expect(page.GetByText("Teilt eure Fotos und Videos mit uns")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Save looks" }).ClickAsync();
        await AwaitSavedAsync("branded");
        await page.GetByLabel("Logo").SetInputFilesAsync(new FilePayload { Name = "logo.png", MimeType = "image/png", Buffer = Png });
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Remove the logo" })).ToBeVisibleAsync();
        await Expect(page.FrameLocator("iframe").GetByText("Anmelden", new() { Exact = true })).ToBeVisibleAsync();
        var mailLogo = page.FrameLocator("iframe").GetByAltText("Studio Mia");
        await Expect(mailLogo).ToBeVisibleAsync();
        Assert.Equal(1, await mailLogo.EvaluateAsync<int>("async logo => { await logo.decode(); return logo.naturalWidth; }"));
        await page.GetByRole(AriaRole.Button, new() { Name = "New link for guests" }).ClickAsync();
        await Expect(page.Locator(".qr svg")).ToBeVisibleAsync();
        await admin.AssertAccessibleAsync();
        await admin.TakePictureAsync("wedding-looks-desktop-light");
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await admin.AssertAccessibleAsync();

        foreach (var theme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            await using var guest = await browser.VisitAsync(host, theme, phone: true);
            await guest.Page.GotoAsync(link);
            await Expect(guest.Page.GetByText("Fotos und Videos auswählen")).ToBeVisibleAsync();
            await guest.AssertAccessibleAsync();
            Assert.Equal(1, await guest.Page.EvaluateAsync<int>("async () => { const logo = document.querySelector('.logo img'); await logo.decode(); return logo.naturalWidth; }"));
            Assert.NotEqual("rgb(31, 95, 191)", await guest.Page.Locator(".button.primary").EvaluateAsync<string>("button => getComputedStyle(button).backgroundColor"));
            await guest.TakePictureAsync($"guest-branded-phone-{theme}".ToLowerInvariant());
        }
    }

    [Theory]
    [InlineData("000000")]
    [InlineData("ffffff")]
    [InlineData("f2c14e")]
    [InlineData("7a5c3e")]
    [InlineData("ff00ff")]
    [InlineData("808080")]
    public void Whatever_the_colour_is_it_can_be_read(string color)
    {
        var css = Palette.Css(color);
        var (accents, inks) = (Pair(css, "--accent"), Pair(css, "--on-accent"));
        foreach (var (accent, ink, ground) in new[] { (accents[0], inks[0], "f7f7f7"), (accents[1], inks[1], "1c1e22") })
        {
            Assert.InRange(Contrast(accent, ground), 4.5, 21);
            Assert.InRange(Contrast(accent, ink), 4.5, 21);
        }
    }

    [Fact]
    public void A_colour_that_can_be_read_stays_as_it_is() => Assert.Equal("7a5c3e", Pair(Palette.Css("7a5c3e"), "--accent")[0]);

    // Nothing on the page tells of it; and what is saved later takes the place of a logo that came before.
    private async Task AwaitSavedAsync(string weddingId)
    {
        var weddings = host.Services.GetRequiredService<IWeddings>();
        while ((await weddings.FindAsync(weddingId, TestContext.Current.CancellationToken))!.Branding.Studio is null)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    private static string[] Pair(string css, string name)
    {
        var match = Regex.Match(css, $@"[{{;]{name}:light-dark\(#(\w{{6}}),#(\w{{6}})\)");
        return [match.Groups[1].Value, match.Groups[2].Value];
    }

    // As WCAG 2.2 writes it.
    private static double Contrast(string one, string other)
    {
        var (a, b) = (Luminance(one), Luminance(other));
        return (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);

        static double Luminance(string hex) => new[] { 0.2126, 0.7152, 0.0722 }.Select((weight, i) =>
        {
            var c = int.Parse(hex.AsSpan(2 * i, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0;
            return weight * (c <= 0.04045 ? c / 12.92 : Math.Pow((c + 0.055) / 1.055, 2.4));
        }).Sum();
    }
}
