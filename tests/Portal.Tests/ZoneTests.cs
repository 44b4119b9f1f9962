using System.Globalization;
using System.Reflection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

public sealed class ZoneTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task Times_of_an_album_are_those_of_its_wedding_and_lists_say_that_theirs_are_UTC()
    {
        await host.LinkAsync("anna-ben", LinkKind.Couple);
        var album = await host.CompletedAlbumAsync("anna-ben");
        await using var admin = await browser.VisitAsAdminAsync(host);
        var page = admin.Page;
        await admin.OpenLiveAsync($"/admin/albums/{album}");
        await Expect(page.Locator(".timeline time").First).ToBeVisibleAsync(); // the live page looks for the events anew

        // All at one moment: the page changes with its album.
        var times = await page.Locator("main time").EvaluateAllAsync<string[]>("times => times.map(time => `${time.title}|${time.innerText}`)");
        Assert.InRange(times.Length, 3, 100);
        foreach (var time in times.Select(time => time.Split('|')))
        {
            var at = DateTimeOffset.Parse(time[0], CultureInfo.InvariantCulture);
            var there = TimeZoneInfo.ConvertTime(at, TimeZoneInfo.FindSystemTimeZoneById("Europe/Vienna"));
            Assert.EndsWith(there.ToString("HH:mm:ss", CultureInfo.InvariantCulture) + " Europe/Vienna", time[1], StringComparison.Ordinal);
        }

        await admin.OpenLiveAsync("/admin/albums");
        Assert.EndsWith(" UTC", await page.Locator("td time").First.InnerTextAsync(), StringComparison.Ordinal);
    }
}

public sealed class LateZoneTests(LateWeddingsHost host, Browser browser) : IClassFixture<LateWeddingsHost>
{
    [Fact]
    public async Task An_album_whose_wedding_is_still_being_read_is_shown_as_soon_as_it_is()
    {
        await host.LinkAsync("anna-ben", LinkKind.Couple);
        await host.CompletedAlbumAsync("anna-ben");
        await using var admin = await browser.VisitAsAdminAsync(host);
        await admin.OpenLiveAsync("/admin/albums");
        host.Hold();
        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "anna-ben" }).ClickAsync();
        await host.Asked;
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken); // the album itself is read meanwhile
        host.GoOn();
        await Expect(admin.Page.Locator(".timeline time").First).ToContainTextAsync("Europe/Vienna");
    }
}

/// <summary>A host that finds no wedding before a test lets it.</summary>
public sealed class LateWeddingsHost : PortalHost
{
    private readonly TaskCompletionSource asked = new();
    private readonly TaskCompletionSource goesOn = new();
    private volatile bool isHeld;

    internal Task Asked => asked.Task;

    internal void Hold() => isHeld = true;

    internal void GoOn() => goesOn.SetResult();

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureTestServices(services =>
        {
            var weddings = services.Last(service => service.ServiceType == typeof(IWeddings)).ImplementationType!;
            services.AddSingleton(provider =>
            {
                var late = DispatchProxy.Create<IWeddings, LateWeddings>();
                (((LateWeddings)late).Inner, ((LateWeddings)late).Host) = ((IWeddings)ActivatorUtilities.CreateInstance(provider, weddings), this);
                return late;
            });
        });
    }

    private async Task<WeddingView?> FindAsync(IWeddings inner, string weddingId, CancellationToken cancellationToken)
    {
        if (isHeld)
        {
            asked.TrySetResult();
            await goesOn.Task.WaitAsync(cancellationToken);
        }

        return await inner.FindAsync(weddingId, cancellationToken);
    }

    private class LateWeddings : DispatchProxy
    {
        internal IWeddings Inner { get; set; } = null!;

        internal LateWeddingsHost Host { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name is nameof(IWeddings.FindAsync)
            ? Host.FindAsync(Inner, (string)args![0]!, (CancellationToken)args[1]!)
            : targetMethod.Invoke(Inner, args);
    }
}
