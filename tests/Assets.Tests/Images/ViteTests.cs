using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Assets.Client;
using Assets.Images;
using Platform.Images;
using Xunit;

namespace Assets.Tests.Images;

/// <summary>A site as people build it: pictures made first, then <c>vite build</c>, then the sync of what that made.</summary>
public abstract partial class ViteTests : SiteTest
{
    private const int Covers = 6;

    private static readonly SiteImageRule[] Rules = [new("*.jpg", [80, 160], Jpeg: 80, Avif: 60)];

    private static string Template => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "../vite"));

    private string Project => Path.Combine(Scratch, "project");

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Directory.CreateDirectory(Path.Combine(Project, "covers"));
        foreach (var name in new[] { "package.json", "index.html", "style.css", "main.js" })
        {
            File.Copy(Path.Combine(Template, name), Path.Combine(Project, name));
        }

        for (var i = 0; i < Covers; i++)
        {
            Cover(i, seed: i);
        }
    }

    [Fact]
    public async Task A_site_is_built_and_brought_and_then_only_what_changed()
    {
        await BuildAsync();
        var first = await SyncAsync(options => options with { Delete = true });
        Assert.Equal("activated", first.Outcome);
        await AssertServedAsync();
        await AssertPicturesOfPagesAreServedAsync();

        // A build writes all files again.
        await BuildAsync();
        Storage.FailAt(0, afterEffect: false);
        var again = await SyncAsync(options => options with { Delete = true });
        Assert.Equal(("unchanged", 0), (again.Outcome, again.UploadedObjects));
        Assert.InRange(Storage.Calls, 0, 3);

        var before = Files();
        Cover(3, seed: 33);
        await BuildAsync();
        string[] changed = [.. Files().Except(before).Select(file => file.Path)];
        Assert.Equal(4, changed.Count(path => path.StartsWith("_images/", StringComparison.Ordinal))); // two widths in two formats
        Assert.Equal(["assets/*.jpg", "assets/*.js", "index.html"], changed.Where(path => path[0] != '_').Select(path => Hash().Replace(path, "*")).Order());
        var second = await SyncAsync(options => options with { Delete = true });
        Assert.Equal((2, changed.Length), (second.Release!.Value, second.UploadedObjects));
        await AssertServedAsync();
        await AssertPicturesOfPagesAreServedAsync();
    }

    private void Cover(int number, int seed) => File.WriteAllBytes(Path.Combine(Project, "covers", $"{number}.jpg"), Photos.Photo(seed, 240, 180));

    private async Task BuildAsync()
    {
        var (source, target) = (Path.Combine(Project, "covers"), Path.Combine(Project, "public", "_images"));
        var cache = await HashCache.OpenAsync(Path.Combine(Scratch, "covers.hashes"), DateTimeOffset.UtcNow, Cancel);
        var scan = await new FolderScan(source, new GlobFilter([], []), cache).RunAsync(_ => { }, Cancel);
        await using (var workers = new ImageWorkers(most: 2, SiteServer.Host))
        {
            Assert.Empty((await new MakeImages(workers, target, "_images/").RunAsync(scan.Files, Rules, _ => { }, Cancel)).Refused);
        }

        File.Move(Path.Combine(target, "images.json"), Path.Combine(Project, "images.json"), overwrite: true);
        var vite = Path.Combine(Template, "node_modules", "vite", "bin", "vite.js");
        Assert.True(File.Exists(vite), "Vite is not installed: scripts/install-test-tools.sh does it.");
        var start = new ProcessStartInfo("node", [vite, "build", "--base", "./", "--assetsInlineLimit", "0", "--logLevel", "error", "--emptyOutDir", "--outDir", Dist])
        {
            WorkingDirectory = Project,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = await process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        Assert.True(process.ExitCode == 0, error);
        File.Copy(Path.Combine(Project, "images.json"), Path.Combine(target, "images.json"), overwrite: true);
    }

    /// <summary>Whatever the script names is there.</summary>
    private async Task AssertPicturesOfPagesAreServedAsync()
    {
        var script = await File.ReadAllTextAsync(Assert.Single(Directory.GetFiles(Path.Combine(Dist, "assets"), "*.js")), Cancel);
        string[] named = [.. Picture().Matches(script).Select(match => match.Value).Distinct()];
        Assert.Equal(Covers * 4, named.Length);
        foreach (var path in named)
        {
            await ServedAsync(path);
        }
    }

    private HashSet<(string Path, string Sha256)> Files() => [.. Directory
        .EnumerateFiles(Dist, "*", SearchOption.AllDirectories)
        .Select(file => (Path.GetRelativePath(Dist, file), Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))))];

    private static string Here([CallerFilePath] string file = "") => file;

    [GeneratedRegex(@"_images/[0-9a-f]{20}\.(?:avif|jpg)")]
    private static partial Regex Picture();

    [GeneratedRegex(@"[^/]+(?=\.\w+$)(?<!index)")]
    private static partial Regex Hash();
}

public sealed class FolderViteTests : ViteTests;

public sealed class S3ViteTests : ViteTests
{
    protected override bool IsOnS3 => true;
}
