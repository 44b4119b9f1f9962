using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Platform.Accounts;
using Platform.Events;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class LanguageTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    private const int MostBytes = 30_000;

    [Fact]
    public async Task A_guest_with_a_German_browser_reads_German()
    {
        var link = await host.LinkAsync("guests", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host, phone: true, locale: "de-AT");
        var page = guest.Page;
        var answer = await page.GotoAsync(link);
        Assert.Equal("de", await answer!.HeaderValueAsync("content-language"));
        Assert.Contains("Accept-Language", await answer.HeaderValueAsync("vary"), StringComparison.Ordinal);
        Assert.Equal("de", await page.Locator("html").GetAttributeAsync("lang"));
        await Expect(page.GetByText("20. Juni 2026 · Teilt eure Fotos und Videos mit uns")).ToBeVisibleAsync();
        await guest.TakePictureAsync("guest-german-phone-light");
        await page.Locator("[data-files]").SetInputFilesAsync(
        [
            new FilePayload { Name = "IMG_1.jpg", MimeType = "image/jpeg", Buffer = [0xFF, 0xD8, 0xFF, 0xE0, .. new byte[12_340]] },
            new FilePayload { Name = "IMG_2.jpg", MimeType = "image/jpeg", Buffer = "Notes"u8.ToArray() },
        ]);
        await Expect(page.GetByText("12,3 KB, angekommen")).ToBeVisibleAsync();
        await Expect(page.GetByText("Die Datei ist nicht das, was ihr Name sagt.")).ToBeVisibleAsync();
        await guest.AssertAccessibleAsync();
        Assert.InRange(await guest.TransferredBytesAsync(), 1_000, MostBytes);
        await guest.TakePictureAsync("guest-german-done-phone-light");
        await AssertNothingIsCutOffAsync(page);
        await page.GetByRole(AriaRole.Button, new() { Name = "IMG_1.jpg zurücknehmen" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Dialog)).ToContainTextAsync("Auf deinem Handy bleibt die Datei erhalten.");
        guest.Forget(415); // for the second
    }

    [Fact]
    public async Task A_couple_reads_the_language_of_its_wedding_whatever_the_browser_speaks()
    {
        var link = await host.LinkAsync("anna-ben", LinkKind.Couple);
        await host.Services.GetRequiredService<IWeddings>().ChangeBrandingAsync(
            "anna-ben", new Branding(Language: "de"), "ann", TestContext.Current.CancellationToken);
        await host.SendPhotoAsync("anna-ben", 1, "Tante Zoë");
        await host.CompletedAlbumAsync("anna-ben");
        await using var couple = await browser.VisitAsync(host, phone: true);
        var page = couple.Page;
        await page.GotoAsync(link);
        Assert.Equal("de", await page.Locator("html").GetAttributeAsync("lang"));
        await Expect(page.GetByText("Euer Hochzeitsalbum · 20. Juni 2026")).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Das Album ist fertig" })).ToBeVisibleAsync();
        await Expect(page.Locator(".photos img")).ToHaveCountAsync(1);
        await page.ReloadAsync(); // until now it has looked for the thumbnail again and again
        Assert.InRange(await couple.TransferredBytesAsync(), 1_000, MostBytes);
        await page.GetByRole(AriaRole.Checkbox, new() { Name = "IMG_1.jpg" }).CheckAsync();
        await Expect(page.GetByText("1 ausgewählt")).ToBeVisibleAsync();
        await couple.AssertAccessibleAsync();
        await couple.TakePictureAsync("couple-german-phone-light");
        await AssertNothingIsCutOffAsync(page);
        await page.GetByRole(AriaRole.Button, new() { Name = "Code für Gäste erstellen" }).ClickAsync();
        await Expect(page.GetByText("Schickt uns eure Fotos und Videos")).ToBeVisibleAsync();
        await couple.TakePictureAsync("couple-german-code-phone-light");
        await AssertNothingIsCutOffAsync(page);
    }

    [Fact]
    public async Task A_couple_whose_wedding_speaks_German_gets_German_mail()
    {
        var weddings = host.Services.GetRequiredService<IWeddings>();
        await weddings.RegisterAsync(
            new RegisterWedding("eva-tom", "Eva & Tom", Date: null, "Europe/Vienna", ["eva@example.com"], new Branding(Language: "de")),
            TestContext.Current.CancellationToken);
        foreach (var readModel in (string[])["weddings", "albums"])
        {
            await host.Services.GetRequiredService<Subscriptions>().CatchUpAsync(readModel, TestContext.Current.CancellationToken);
        }

        await weddings.RequestSignInAsync("eva@example.com", TestContext.Current.CancellationToken);
        Assert.Contains(
            "Mit diesem Link meldet ihr euch auf den Seiten von Eva & Tom an.", await host.MailAsync("wedding-eva-tom-signin-*.eml"), StringComparison.Ordinal);
        var album = await host.CompletedAlbumAsync("eva-tom", emails: ["eva@example.com"]);
        Assert.Contains("3 Dateien, weniger als 0,1 GB, in einer ZIP-Datei.", await host.MailAsync($"album-{album}-link-0.eml"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Those_who_run_it_make_their_account_and_sign_in_in_the_language_of_their_browser()
    {
        await (await browser.VisitAsAdminAsync(host)).DisposeAsync();
        await using var invited = await browser.VisitAsync(host, phone: true, hostName: "localhost", locale: "de-DE");
        var page = invited.Page;
        await page.GotoAsync(AccountPaths.InvitationOf(await host.InviteAsync(AccountRoles.Viewer)));
        Assert.Equal("de", await page.Locator("html").GetAttributeAsync("lang"));
        await page.GetByLabel("E-Mail-Adresse").FillAsync(PortalHost.Email);
        await page.GetByLabel("Passwort").FillAsync(PortalHost.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Konto anlegen" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("Zu dieser Adresse gibt es schon ein Konto."); // once, though name and address are taken
        await invited.AssertAccessibleAsync();
        await page.GetByLabel("E-Mail-Adresse").FillAsync("dora@example.com");
        await page.GetByLabel("Passwort").FillAsync(PortalHost.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Konto anlegen" }).ClickAsync();
        await page.WaitForURLAsync("**/admin", Visitor.AtOnce);

        await page.GotoAsync("/account");
        await page.GetByLabel("Bisheriges Passwort").FillAsync("something else");
        await page.GetByLabel("Neues Passwort").FillAsync("another long password");
        await page.GetByRole(AriaRole.Button, new() { Name = "Passwort ändern" }).ClickAsync();
        await Expect(page.GetByText("Das Passwort stimmt nicht.")).ToBeVisibleAsync();
        await page.GetByLabel("Name des Passkeys").FillAsync("Mein Handy");
        await page.EvaluateAsync("() => { navigator.credentials.create = () => Promise.reject(new DOMException('', 'InvalidStateError')); }");
        await page.GetByRole(AriaRole.Button, new() { Name = "Passkey hinzufügen" }).ClickAsync();
        await Expect(page.GetByText("Dieses Gerät hat schon einen Passkey für dieses Konto.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Authenticator-App einrichten" }).ClickAsync();
        await Expect(page.GetByText("Mit der App scannen")).ToBeVisibleAsync();
        await invited.AssertAccessibleAsync();
        Assert.InRange(await invited.TransferredBytesAsync(), 1_000, MostBytes);
        await AssertNothingIsCutOffAsync(page);
        await invited.TakePictureAsync("account-german-phone-light");
        await page.GotoAsync("/denied");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Diese Seite ist für Admins" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_browser_whose_languages_are_not_ours_gets_English_and_a_dead_link_speaks_too()
    {
        var link = await host.LinkAsync("guests", LinkKind.Guest);
        await using var stranger = await browser.VisitAsync(host, locale: "mt-MT");
        await stranger.Page.GotoAsync(link);
        Assert.Equal("en", await stranger.Page.Locator("html").GetAttributeAsync("lang"));
        await using var guest = await browser.VisitAsync(host, locale: "de-DE");
        await guest.Page.GotoAsync("/g/none");
        await Expect(guest.Page.GetByRole(AriaRole.Heading, new() { Name = "Dieser Link funktioniert nicht" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task An_admin_with_a_German_browser_reads_German_live_too()
    {
        await (await browser.VisitAsAdminAsync(host)).DisposeAsync();
        await using var admin = await browser.VisitAsync(host, session: host.Session, locale: "de-AT");
        var page = admin.Page;
        await admin.OpenLiveAsync("/admin");
        Assert.Equal("de", await page.Locator("html").GetAttributeAsync("lang"));
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Übersicht" })).ToBeVisibleAsync();
        var failed = page.GetByRole(AriaRole.Link, new() { Name = "in den letzten 24 Stunden" });
        await Expect(failed).ToHaveTextAsync("0 in den letzten 24 Stunden");
        await host.FailedAlbumAsync("failed-live");
        await Expect(failed).ToHaveTextAsync("1 in den letzten 24 Stunden"); // what the circuit renders
        await page.GetByRole(AriaRole.Link, new() { Name = "Alben", Exact = true }).ClickAsync(); // the circuit goes there, without a request
        await page.GetByRole(AriaRole.Button, new() { Name = "Fehlgeschlagen" }).ClickAsync();
        await page.WaitForURLAsync("**/admin/albums?status=Failed", Visitor.AtOnce);
        await Expect(page.GetByText("ein Album", new() { Exact = true })).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Cell, new() { Name = "Fehlgeschlagen" })).ToBeVisibleAsync();
        await admin.AssertAccessibleAsync();
    }

    // A phone scrolls one way only; and no text is squeezed out of sight.
    private static async Task AssertNothingIsCutOffAsync(IPage page) => Assert.Empty(await page.EvaluateAsync<string[]>("""
        () => [...document.querySelectorAll('main *')]
          .filter(e => e.checkVisibility())
          .map(e => [e, e.getBoundingClientRect(), [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim().length > 3)])
          .filter(([, box, says]) => box.right > innerWidth + 1 || (says && box.width < 20))
          .map(([e]) => e.outerHTML.slice(0, 80))
        """));
}
