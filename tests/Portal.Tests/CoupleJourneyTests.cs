using System.IO.Compression;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Platform.Events;
using Platform.Storage;
using Testing;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class CoupleJourneyTests(PausingHost host, Browser browser) : IClassFixture<PausingHost>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_couple_signs_in_by_a_mail_and_downloads_while_the_page_shows_how_packing_goes_on()
    {
        await host.Services.GetRequiredService<IWeddings>().RegisterAsync(
            new RegisterWedding("anna-ben", "Anna & Ben", new DateOnly(2026, 6, 20), "Europe/Vienna", ["anna@example.com"]), Cancellation);
        await host.Services.GetRequiredService<Subscriptions>().CatchUpAsync("weddings", Cancellation); // whose addresses come with it
        for (var video = 0; video < 9; video++)
        {
            await host.SendFileAsync("anna-ben", $"VID_{video}.mp4", "video/mp4", [0, 0, 0, 24, .. "ftypmp42"u8, .. new byte[7_000_000]]);
        }

        host.PausesAfterParts = 4; // of eight
        var album = await host.BeginAlbumAsync("anna-ben");

        await using var couple = await browser.VisitAsync(host, phone: true);
        var page = couple.Page;
        await page.GotoAsync("/couple");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Sign in to your album" })).ToBeVisibleAsync();
        await couple.AssertAccessibleAsync();
        await couple.TakePictureAsync("couple-mail-phone-light");
        await page.GetByLabel("Your e-mail address").FillAsync("anna@example.com");
        await page.GetByRole(AriaRole.Button, new() { Name = "Send me the link" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("a mail is on its way");
        await page.GotoAsync(await host.MailedSignInAsync());
        await page.GetByRole(AriaRole.Button, new() { Name = "Open it" }).ClickAsync();

        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "You can download already, while we pack" })).ToBeVisibleAsync();
        await Expect(page.GetByText(new Regex("^[1-9][0-9]? % of "))).ToBeVisibleAsync();
        var zip = await page.RunAndWaitForDownloadAsync(() => page.GetByRole(AriaRole.Link, new() { Name = "Download all" }).ClickAsync());
        await using (var archive = await ZipFile.OpenReadAsync(await zip.PathAsync(), Cancellation))
        {
            Assert.Equal(Enumerable.Range(0, 9).Select(video => $"VID_{video}.mp4"), archive.Entries.Select(entry => entry.FullName).Order(StringComparer.Ordinal));
        }

        await Expect(page.GetByText(new Regex("^[1-9][0-9]? % of "))).ToBeVisibleAsync();
        host.GoOn();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Your album is ready" })).ToBeVisibleAsync();
        Assert.Equal("Completed", await host.StatusOfAsync(album), ignoreCase: true);
    }
}

/// <summary>A host whose store lets somebody look at an album that is being packed.</summary>
public sealed class PausingHost : PortalHost
{
    private readonly TaskCompletionSource goesOn = new();
    private int parts;

    /// <summary>Parts that are stored before the first that waits.</summary>
    internal int PausesAfterParts { get; set; } = int.MaxValue;

    internal void GoOn() => goesOn.TrySetResult();

    public override ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        GoOn(); // nothing holds up the host's end
        return base.DisposeAsync();
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureTestServices(services =>
        {
            var store = services.Last(service => service.ServiceType == typeof(IObjectStorage));
            services.AddSingleton<IObjectStorage>(provider => new PausingStorage((IObjectStorage)store.ImplementationFactory!(provider), this));
        });
    }

    private sealed class PausingStorage(IObjectStorage inner, PausingHost host) : PassedOnObjectStorage(inner)
    {
        public override async Task<StoredPart> PutPartAsync(MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken)
        {
            if (upload.Key.StartsWith("albums/", StringComparison.Ordinal) && Interlocked.Increment(ref host.parts) > host.PausesAfterParts)
            {
                await host.goesOn.Task.WaitAsync(cancellationToken);
            }

            return await base.PutPartAsync(upload, part, body, cancellationToken);
        }
    }
}
