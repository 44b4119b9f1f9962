using System.Globalization;
using Albums;
using Microsoft.Playwright;
using Testing;

namespace Benchmarks;

/// <summary>What open overviews cost a host while albums are packed: its own processor time, and nothing of the browser's or of the database's.</summary>
internal static class PortalLive
{
    private const int Tabs = 20;
    private const int UpdatesPerSecond = 100;
    private const int Albums = 10;
    private const int PartBytes = 8_000_000;
    private const double MostOfACore = 0.10;
    private const string Chromium = "/usr/bin/chromium";

    private static readonly TimeSpan Length = TimeSpan.FromSeconds(15);
    private static readonly string[] Arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"];

    /// <param name="node">On <paramref name="database"/>; it has no workers, so nobody packs what is said to be packed.</param>
    internal static async Task<PortalLoad> MeasureAsync(EventsHost node, string database, string folder)
    {
        var albums = await BeginAsync(node);
        var served = Path.Combine(folder, "served");
        var link = Path.Combine(folder, "first-link");
        await using var server = await BenchServer.StartHostAsync(
            served, database, roles: "web", more: new Dictionary<string, string> { ["Auth:FirstLinkFile"] = link });
        var time = new ProcessorTime(server.ProcessId);
        await UpdateAsync(node, albums); // it compiles
        var updates = await ShareAsync(time, () => UpdateAsync(node, albums));
        using var playwright = await Playwright.CreateAsync();
        await using var chromium = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium, Args = Arguments });
        var pages = await OpenAsync(chromium, server.Client.BaseAddress!, new Uri(await File.ReadAllTextAsync(link)).AbsolutePath);
        var tabs = await ShareAsync(time, () => Task.Delay(Length));
        var before = await ReadAsync(pages);
        var both = await ShareAsync(time, () => UpdateAsync(node, albums));
        if (before.Zip(await ReadAsync(pages)).Any(page => page.First == page.Second))
        {
            throw new InvalidOperationException("An overview shows what it showed before the updates.");
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""

            {Tabs} overviews open, {UpdatesPerSecond} parts a second of {Albums} albums, share of a core. Limit of what the overviews cost: {MostOfACore:P0}.
            {"updates, nobody looks",-32}{updates,10:P1}
            {"nothing moves, all look",-32}{tabs,10:P1}
            {"updates, all look",-32}{both,10:P1}
            {"so the overviews cost",-32}{both - updates,10:P1}
            """));
        return new PortalLoad(Tabs, UpdatesPerSecond, updates, tabs, both, both - updates > MostOfACore);
    }

    private static async Task<Guid[]> BeginAsync(EventsHost node)
    {
        var albums = Enumerable.Range(0, Albums).Select(_ => Guid.CreateVersion7()).ToArray();
        foreach (var album in albums)
        {
            var now = DateTimeOffset.UtcNow;
            await AppendAsync(
                node,
                album,
                new AlbumRequested($"live-{album}", [], "live/", [], now),
                new PlanFrozen("plan", "hash", 1, PartBytes, 10_000, PartBytes * 10_000L, now),
                new AttemptStarted("bench", now));
        }

        return albums;
    }

    // As evenly as workers would.
    private static async Task UpdateAsync(EventsHost node, Guid[] albums)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / UpdatesPerSecond));
        for (var i = 0; i < Length.TotalSeconds * UpdatesPerSecond && await pace.WaitForNextTickAsync(); i++)
        {
            await AppendAsync(node, albums[i % Albums], new PartStored(1 + (i / Albums), "etag", PartBytes, [], DateTimeOffset.UtcNow));
        }
    }

    private static Task AppendAsync(EventsHost node, Guid album, params IReadOnlyList<IAlbumEvent> events) =>
        node.Store.DecideAsync<Album, IAlbumEvent>(album, _ => events, CancellationToken.None);

    private static async Task<double> ShareAsync(ProcessorTime time, Func<Task> work)
    {
        var spent = await time.MeasureAsync(work);
        return spent.Server / spent.Wall;
    }

    private static async Task<IPage[]> OpenAsync(IBrowser chromium, Uri address, string invitation)
    {
        var context = await chromium.NewContextAsync(new() { BaseURL = address.ToString() });
        var first = await context.NewPageAsync();
        await first.GotoAsync(invitation);
        await first.GetByLabel("E-mail").FillAsync("bench@example.com");
        await first.GetByLabel("Password").FillAsync("correct horse battery");
        await first.GetByRole(AriaRole.Button).ClickAsync();
        await first.WaitForURLAsync("**/admin");
        var pages = new IPage[Tabs];
        for (var i = 0; i < Tabs; i++)
        {
            pages[i] = i == 0 ? first : await context.NewPageAsync();
            await pages[i].GotoAsync("/admin");
            await pages[i].Locator("main[data-live]").WaitForAsync();
        }

        return pages;
    }

    private static Task<string[]> ReadAsync(IPage[] pages) => Task.WhenAll(pages.Select(page => page.Locator("main").InnerTextAsync()));
}

/// <summary>Shares of a core: of the updates alone, of the tabs alone, and of both.</summary>
internal sealed record PortalLoad(int Tabs, int UpdatesPerSecond, double Updates, double TabsAlone, double Both, bool IsSlow);
