using Microsoft.Playwright;
using Weddings.Contracts;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Portal.Tests;

/// <summary>A guest's page that is left in the middle: by a reload, by a phone that throws it away, or for a second tab.</summary>
public sealed class GuestReloadTests(PortalHost host, Browser browser) : IClassFixture<PortalHost>, IAsyncDisposable
{
    private readonly Phone phone = new();

    private const int Files = 20;
    private const string NoDatabase = "Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('denied', 'SecurityError'); } })";

    public ValueTask DisposeAsync() => phone.DisposeAsync();

    [Fact]
    public async Task A_page_that_is_reloaded_in_the_middle_goes_on_by_itself()
    {
        var link = await host.LinkAsync("reloaded", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host, phone: true);
        var page = guest.Page;
        await page.GotoAsync(link);
        var network = await Network.CutAsync(page, after: 8);
        await page.Locator("[data-files]").SetInputFilesAsync(phone.Photos(Files));
        await Expect(page.GetByText(", arrived")).ToHaveCountAsync(8);
        await AssertKeptAsync(page, Files - 8);

        await LeaveAndReturnAsync(page, network);
        await Expect(page.GetByText($"All {Files - 8} files have arrived.")).ToBeVisibleAsync();
        await Expect(page.GetByText("Not finished yet")).ToHaveCountAsync(0);
        await guest.AssertAccessibleAsync();
        await AssertEachArrivedOnceAsync("reloaded");
        await AssertKeptAsync(page, 0);
    }

    /// <summary>As phones do with tabs: nothing is left but what lies on the disk, and the photos that were chosen are no longer there.</summary>
    [Fact]
    public async Task A_browser_that_was_ended_in_the_middle_goes_on_when_the_link_is_opened_again()
    {
        var link = await host.LinkAsync("ended", LinkKind.Guest);
        var photos = phone.Photos(Files);
        await using (var guest = await browser.VisitWithProfileAsync(host, phone.PathOf("profile")))
        {
            await guest.Page.GotoAsync(link);
            await Network.CutAsync(guest.Page, after: 8);
            await guest.Page.Locator("[data-files]").SetInputFilesAsync(photos);
            await Expect(guest.Page.GetByText(", arrived")).ToHaveCountAsync(8);
            await AssertKeptAsync(guest.Page, Files - 8);
        }

        Array.ForEach(photos, File.Delete);
        await using var returned = await browser.VisitWithProfileAsync(host, phone.PathOf("profile"));
        await returned.Page.GotoAsync(link);
        await Expect(returned.Page.GetByText($"All {Files - 8} files have arrived.")).ToBeVisibleAsync();
        await AssertEachArrivedOnceAsync("ended");
    }

    [Fact]
    public async Task A_large_file_goes_on_at_the_chunk_where_it_stopped()
    {
        var link = await host.LinkAsync("chunks", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host);
        var page = guest.Page;
        await page.GotoAsync(link);
        var network = await Network.CutAsync(page, request => request.Headers["x-chunk-index"] == "0");
        await page.RunAndWaitForRequestAsync(
            () => page.RunAndWaitForResponseAsync(
                () => page.Locator("[data-files]").SetInputFilesAsync(phone.Film("VID_1.mp4", 17_000_000)), "**/chunk"),
            request => request.Headers.GetValueOrDefault("x-chunk-index") == "1"); // in vain; it is not to be taken for that of the page that returns
        await AssertKeptAsync(page, 1);

        List<string> sent = [];
        page.Request += (_, request) =>
        {
            if (request.Method == "PUT")
            {
                sent.Add(request.Headers["x-chunk-index"]);
            }
        };
        await LeaveAndReturnAsync(page, network);
        await Expect(page.GetByText("Your file has arrived.")).ToBeVisibleAsync();
        Assert.Equal(["1"], sent);
    }

    [Fact]
    public async Task A_browser_that_keeps_no_files_asks_for_them_again()
    {
        var link = await host.LinkAsync("closed", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host, ColorScheme.Dark);
        var page = guest.Page;
        await page.AddInitScriptAsync(NoDatabase);
        await page.GotoAsync(link);
        var network = await Network.CutAsync(page, after: 0);
        var photos = phone.Photos(1);
        await page.RunAndWaitForRequestAsync(() => page.Locator("[data-files]").SetInputFilesAsync(photos), "**/chunk");
        await LeaveAndReturnAsync(page, network);
        await Expect(page.GetByText("Not finished yet: IMG_5001.jpg")).ToBeVisibleAsync();
        await guest.AssertAccessibleAsync();
        await page.Locator("[data-files]").SetInputFilesAsync(photos);
        await Expect(page.GetByText("Your file has arrived.")).ToBeVisibleAsync();
        Assert.Single(await host.UploadsAsync("closed"));
    }

    [Fact]
    public async Task A_browser_that_forbids_storage_sends_all_the_same()
    {
        var link = await host.LinkAsync("forbidden", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host);
        await guest.Page.AddInitScriptAsync(
            """
            const refuse = () => { throw new DOMException('denied', 'SecurityError'); };
            for (const name of ['indexedDB', 'localStorage']) Object.defineProperty(window, name, { get: refuse });
            navigator.locks.request = async () => refuse();
            """);
        await guest.Page.GotoAsync(link);
        await guest.Page.Locator("[data-files]").SetInputFilesAsync(phone.Photos(3));
        await Expect(guest.Page.GetByText("All 3 files have arrived.")).ToBeVisibleAsync();
        await guest.Page.Locator("[data-files]").SetInputFilesAsync(phone.PathOf("IMG_5001.jpg"));
        await Expect(guest.Page.GetByText("One of them is here already.")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_film_too_large_to_be_kept_is_asked_for_and_photos_are_not()
    {
        var link = await host.LinkAsync("film", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host);
        var page = guest.Page;
        await page.GotoAsync(link);
        var network = await Network.CutAsync(page, after: 0);
        var film = phone.Film("VID_1.mp4", 64_000_001);
        await page.Locator("[data-files]").SetInputFilesAsync([film, .. phone.Photos(1)]);
        await AssertKeptAsync(page, 1);

        await LeaveAndReturnAsync(page, network);
        await Expect(page.GetByText("Not finished yet: VID_1.mp4")).ToBeVisibleAsync();
        await Expect(page.GetByText("Your file has arrived.")).ToBeVisibleAsync();
        await page.Locator("[data-files]").SetInputFilesAsync(film);
        await Expect(page.GetByText("All 2 files have arrived.")).ToBeVisibleAsync();
        Assert.Equal(["IMG_5001.jpg", "VID_1.mp4"], (await host.UploadsAsync("film")).Select(upload => upload.GetProperty("fileName").GetString()).Order());
    }

    [Fact]
    public async Task What_was_kept_is_gone_after_a_few_days()
    {
        var link = await host.LinkAsync("late", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host);
        var page = guest.Page;
        await page.GotoAsync(link);
        var network = await Network.CutAsync(page, after: 0);
        await page.Locator("[data-files]").SetInputFilesAsync(phone.Photos(1));
        await AssertKeptAsync(page, 1);

        await page.Clock.SetFixedTimeAsync(DateTime.UtcNow.AddDays(4));
        await LeaveAndReturnAsync(page, network);
        await Expect(page.GetByText("Not finished yet: IMG_5001.jpg")).ToBeVisibleAsync();
        await AssertKeptAsync(page, 0);
    }

    /// <summary>Who scans the code again has two tabs: the second sends, the first waits.</summary>
    [Fact]
    public async Task Two_tabs_send_each_file_once()
    {
        var link = await host.LinkAsync("tabs", LinkKind.Guest);
        await using var guest = await browser.VisitAsync(host);
        var first = guest.Page;
        await first.GotoAsync(link);
        var network = await Network.CutAsync(first, after: 5);
        await first.Locator("[data-files]").SetInputFilesAsync(phone.Photos(Files));
        await Expect(first.GetByText(", arrived")).ToHaveCountAsync(5);
        await AssertKeptAsync(first, Files - 5);

        var second = await first.Context.NewPageAsync();
        await Network.CutAsync(second, after: 5);
        await second.GotoAsync(link);
        await Expect(second.GetByText(", arrived")).ToHaveCountAsync(10);
        await Expect(first.GetByText("This page is open twice")).ToBeVisibleAsync();
        await guest.AssertAccessibleAsync();

        // Taken back in one tab, it is not sent by the other.
        await second.GetByRole(AriaRole.Button, new() { Name = "Take back IMG_5020.jpg" }).ClickAsync();
        await Expect(first.GetByText("IMG_5020.jpg")).ToHaveCountAsync(0);

        network.Mend();
        await second.CloseAsync();
        await Expect(first.GetByText($"All {Files - 1} files have arrived.")).ToBeVisibleAsync();
        await AssertEachArrivedOnceAsync("tabs", Files - 1);
        await AssertKeptAsync(first, 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_file_that_was_deleted_before_its_turn_is_sent_from_its_copy_or_asked_for(bool isKept)
    {
        var weddingId = $"deleted-{isKept}";
        var link = await host.LinkAsync(weddingId, LinkKind.Guest);
        await using var guest = await browser.VisitWithProfileAsync(host, phone.PathOf("profile"));
        var page = guest.Page;
        if (!isKept)
        {
            await page.AddInitScriptAsync(NoDatabase);
        }

        await page.GotoAsync(link);
        var gate = new TaskCompletionSource();
        await page.RouteAsync("**/chunk", async route =>
        {
            await gate.Task;
            await route.ContinueAsync();
        });
        var photos = phone.Photos(5);
        await page.RunAndWaitForRequestAsync(() => page.Locator("[data-files]").SetInputFilesAsync(photos), "**/chunk");
        var bytes = await File.ReadAllBytesAsync(photos[^1], TestContext.Current.CancellationToken);
        if (isKept)
        {
            await AssertKeptAsync(page, 5);
        }

        File.Delete(photos[^1]);
        gate.SetResult();
        if (!isKept)
        {
            await Expect(page.GetByRole(AriaRole.Listitem).Filter(new() { HasText = "IMG_5005.jpg" })).ToContainTextAsync("It cannot be read any more. Choose it again");
            await File.WriteAllBytesAsync(photos[^1], bytes, TestContext.Current.CancellationToken);
            await page.Locator("[data-files]").SetInputFilesAsync(photos[^1]);
        }

        await Expect(page.GetByText("All 5 files have arrived.")).ToBeVisibleAsync();
        await AssertEachArrivedOnceAsync(weddingId, 5);
    }

    // Answers those chunks, and no others until it is mended.
    private sealed class Network(Func<IRequest, bool> answers)
    {
        private volatile bool isMended;

        internal static async Task<Network> CutAsync(IPage page, Func<IRequest, bool> answers)
        {
            var network = new Network(answers);
            await page.RouteAsync("**/chunk", network.PassAsync);
            return network;
        }

        internal static Task<Network> CutAsync(IPage page, int after)
        {
            var count = 0;
            return CutAsync(page, _ => Interlocked.Increment(ref count) <= after);
        }

        /// <summary>What is on its way is lost.</summary>
        internal void Mend() => isMended = true;

        private Task PassAsync(IRoute route) => isMended || answers(route.Request) ? route.ContinueAsync() : Task.CompletedTask;
    }

    private static async Task LeaveAndReturnAsync(IPage page, Network network)
    {
        page.Dialog += static async (_, dialog) => await dialog.AcceptAsync(); // leave the page?
        network.Mend();
        await page.ReloadAsync();
    }

    // Keeping runs beside the sending.
    private static Task AssertKeptAsync(IPage page, int files) => page.WaitForFunctionAsync(
        """
        async files => {
            const request = indexedDB.open('guest', 1);
            await new Promise(resolve => request.onsuccess = resolve);
            const count = request.result.transaction('files').objectStore('files').count();
            await new Promise(resolve => count.onsuccess = resolve);
            request.result.close();
            return count.result === files;
        }
        """,
        files);

    private async Task AssertEachArrivedOnceAsync(string weddingId, int files = Files)
    {
        var names = Enumerable.Range(1, files).Select(number => $"IMG_{5000 + number}.jpg");
        Assert.Equal(names, (await host.CompletedUploadsAsync(weddingId)).Select(upload => upload.GetProperty("fileName").GetString()!).Order());
    }
}
