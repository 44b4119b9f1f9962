using System.Reflection;
using System.Text.Json;
using Microsoft.Playwright;
using Xunit;

namespace Portal.Tests;

/// <summary>Somebody with a browser. What the browser complains of while they walk fails their test.</summary>
internal sealed class Visitor : IAsyncDisposable
{
    private static readonly string Root =
        typeof(Visitor).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == "Root").Value!;

    private readonly IBrowserContext context;
    private readonly List<string> complaints = [];

    internal Visitor(IBrowserContext context, IPage page)
    {
        this.context = context;
        context.SetDefaultTimeout(Browser.Patience);
        Page = page;
        page.Console += (_, message) =>
        {
            if (message.Type == "error" && !message.Text.Contains("ERR_", StringComparison.Ordinal) && !message.Text.StartsWith("Failed to load", StringComparison.Ordinal))
            {
                complaints.Add(message.Text);
            }
        };
        page.Response += (_, response) =>
        {
            if (response.Status >= 400 && response.Status != 410)
            {
                complaints.Add($"{response.Status} {response.Request.Method} {response.Url}");
            }
        };
        page.PageError += (_, error) => complaints.Add(error);
    }

    /// <summary>The address is what counts: the load event of a page that keeps connections open comes late, or is missed.</summary>
    internal static PageWaitForURLOptions AtOnce { get; } = new() { WaitUntil = WaitUntilState.Commit };

    internal IPage Page { get; }

    /// <summary>Opens an admin page and waits until it is alive: before that, clicks go nowhere.</summary>
    internal async Task OpenLiveAsync(string path)
    {
        await Page.GotoAsync(path);
        await Page.Locator("main[data-live]").WaitForAsync();
    }

    /// <summary>An answer of that status was meant to come.</summary>
    internal void Forget(int status) => complaints.RemoveAll(complaint => complaint.StartsWith($"{status} ", StringComparison.Ordinal));

    internal async Task SignOutAsync()
    {
        await OpenLiveAsync("/admin"); // a form that the circuit replaces while it is clicked sends nothing
        await Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Page.WaitForURLAsync("**/sign-in", AtOnce);
    }

    /// <summary>No rule of axe-core is broken on the page as it is now.</summary>
    internal async Task AssertAccessibleAsync() => Assert.Empty(await ViolationsAsync());

    /// <summary>The rules of axe-core that are broken, and by what.</summary>
    internal async Task<IReadOnlyList<string>> ViolationsAsync()
    {
        var axe = await File.ReadAllTextAsync(Path.Combine(Root, "tests/Portal.Tests/node_modules/axe-core/axe.min.js"));
        await Page.EvaluateAsync(axe); // by the debugger: the page's own policy admits no script of others
        var result = await Page.EvaluateAsync<JsonElement>("async () => (await axe.run()).violations");
        return [.. result.EnumerateArray().Select(rule =>
            $"{new Uri(Page.Url).AbsolutePath} {rule.GetProperty("id")}: {string.Join(", ", rule.GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("html")))}")];
    }

    /// <summary>What the page and all it loaded but its pictures cost on the way, compressed as they were.</summary>
    internal async Task<int> TransferredBytesAsync() => await Page.EvaluateAsync<int>(
        "() => performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource').filter(e => e.initiatorType !== 'img')).reduce((sum, e) => sum + e.transferSize, 0)");

    /// <summary>Only where pictures were asked for: each costs time.</summary>
    internal static bool TakesPictures => Environment.GetEnvironmentVariable("SCREENSHOTS") is { Length: > 0 };

    internal async Task TakePictureAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("SCREENSHOTS") is { Length: > 0 } folder)
        {
            await Page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}.png"), FullPage = true });
        }
    }

    public async ValueTask DisposeAsync()
    {
        await context.DisposeAsync();
        Assert.True(complaints.Count == 0, string.Join('\n', complaints));
    }
}
