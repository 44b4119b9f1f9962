using System.Security.Cryptography;
using Assets.Client;
using Xunit;

namespace Assets.Tests;

/// <summary>Trees as builds, people and attackers leave them.</summary>
public sealed class FolderScanTests : IDisposable
{
    private readonly DirectoryInfo scratch = Directory.CreateTempSubdirectory("scan-");
    private readonly DirectoryInfo tree;

    public FolderScanTests() => tree = scratch.CreateSubdirectory("tree");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => scratch.Delete(recursive: true);

    [Fact]
    public async Task Files_are_hashed_and_typed()
    {
        Write("a/page.html", "<p>");
        Write("a/empty", "");
        Write("photo", [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3, 4]);
        Write("lies.png", [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3, 4]);
        var files = (await ScanAsync()).Files.Select(file => file.File).ToArray();
        Assert.Equal(["a/empty", "a/page.html", "lies.png", "photo"], files.Select(file => file.Path));
        Assert.Equal([FileTypes.Unknown, "text/html; charset=utf-8", "image/jpeg", "image/jpeg"], files.Select(file => file.ContentType));
        Assert.Equal([Convert.ToHexStringLower(SHA256.HashData([])), Convert.ToHexStringLower(SHA256.HashData("<p>"u8))], files[..2].Select(file => file.Sha256));
    }

    [Fact]
    public async Task A_link_to_a_file_of_the_tree_is_that_file_and_any_other_is_a_problem()
    {
        Write("real.txt", "inside");
        File.WriteAllText(Path.Combine(scratch.FullName, "secret.txt"), "outside");
        scratch.CreateSubdirectory("elsewhere");
        Link("inside.txt", "real.txt");
        Link("out.txt", "../secret.txt");
        Link("absolute.txt", "/etc/hostname");
        Link("dangling.txt", "nothing");
        Link("circle.txt", "circle.txt");
        Link("folder", "../elsewhere");
        var scan = await ScanAsync();
        Assert.Equal(["inside.txt", "real.txt"], scan.Files.Select(file => file.File.Path));
        Assert.Equal(["absolute.txt", "circle.txt", "dangling.txt", "folder", "out.txt"], scan.Problems.Select(problem => problem.Split(':')[0]));
        Assert.All(scan.Problems, problem => Assert.DoesNotContain("outside", problem, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_link_through_a_link_that_leads_outside_is_a_problem()
    {
        scratch.CreateSubdirectory("elsewhere");
        File.WriteAllText(Path.Combine(scratch.FullName, "elsewhere/secret.txt"), "outside");
        Link("door", "../elsewhere");
        Link("through.txt", "door/secret.txt");
        var scan = await ScanAsync();
        Assert.Empty(scan.Files);
        Assert.Equal(2, scan.Problems.Count);
    }

    [Fact]
    public async Task Names_are_those_of_the_web()
    {
        Write("cafe\u0301.txt", "NFD");
        Write("Case.txt", "1");
        Write("case.txt", "2");
        Write("with space+%#?.txt", "x");
        Write("back\\slash.txt", "x");
        Write("new\nline.txt", "x");
        var scan = await ScanAsync();
        Assert.Equal(["Case.txt", "caf\u00e9.txt", "case.txt", "with space+%#?.txt"], scan.Files.Select(file => file.File.Path));
        Assert.Equal(2, scan.Problems.Count);
    }

    [Fact]
    public async Task Two_names_that_are_one_are_a_problem()
    {
        Write("cafe\u0301.txt", "NFD");
        Write("caf\u00e9.txt", "NFC");
        Assert.Single((await ScanAsync()).Problems);
    }

    [Fact]
    public async Task Hidden_files_stay_at_home()
    {
        Write(".env", "SECRET=1");
        Write(".git/config", "x");
        Write(".well-known/security.txt", "x");
        Write("a/.DS_Store", "x");
        Assert.Equal([".well-known/security.txt"], (await ScanAsync()).Files.Select(file => file.File.Path));
    }

    [Fact]
    public async Task A_file_larger_than_a_store_takes_at_once_is_a_problem_and_is_not_read()
    {
        Write("film.mov", "");
        using (var film = File.OpenWrite(Path.Combine(tree.FullName, "film.mov")))
        {
            film.SetLength((5L << 30) + 1); // of nothing
        }

        var scan = await ScanAsync();
        Assert.Equal(("film.mov: has more than 5 GiB.", 0), (scan.Problems.Single(), scan.HashedBytes));
    }

    [Fact]
    public async Task A_file_that_is_being_written_to_is_a_problem_until_it_is_done()
    {
        Write("film.mov", "film");
        var scan = await ScanAsync(hashed: film => File.SetLastWriteTimeUtc(film, File.GetLastWriteTimeUtc(film).AddSeconds(1)));
        Assert.Equal(("film.mov: is being written to.", 3 * 4, 0), (scan.Problems.Single(), scan.HashedBytes, scan.Files.Count));
        Assert.Equal("film.mov", (await ScanAsync()).Files.Single().File.Path);
    }

    [Fact]
    public async Task A_pipe_is_a_problem_and_nobody_waits_for_it()
    {
        using var make = System.Diagnostics.Process.Start("mkfifo", Path.Combine(tree.FullName, "pipe"));
        await make.WaitForExitAsync(Cancel);
        Assert.StartsWith("pipe: ", (await ScanAsync()).Problems.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_hashed_is_not_read_again_until_it_changes()
    {
        for (var i = 0; i < 10; i++)
        {
            Write($"{i}.txt", $"{i}{i}");
            File.SetLastWriteTimeUtc(Path.Combine(tree.FullName, $"{i}.txt"), DateTime.UtcNow.AddMinutes(-1));
        }

        Assert.Equal(20, (await ScanAsync()).HashedBytes);
        Assert.Equal(0, (await ScanAsync()).HashedBytes);
        Write("3.txt", "changed");
        var third = await ScanAsync();
        Assert.Equal(7, third.HashedBytes);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData("changed"u8)), third.Files.Single(file => file.File.Path == "3.txt").File.Sha256);
    }

    [Fact]
    public async Task A_file_written_moments_ago_is_read_again()
    {
        Write("a.txt", "one");
        var moment = new DateTimeOffset(File.GetLastWriteTimeUtc(Path.Combine(tree.FullName, "a.txt"))).AddSeconds(1);
        await ScanAsync(moment);
        Assert.Equal(3, (await ScanAsync(moment)).HashedBytes);
    }

    [Fact]
    public async Task A_broken_cache_costs_time_only()
    {
        Write("a.txt", "one");
        File.WriteAllText(CacheFile, "nonsense\n\t\nx y z\tq\n");
        Assert.Single((await ScanAsync()).Files);
    }

    [Theory]
    [InlineData("*.jpg", "a/b/c.jpg", true)]
    [InlineData("*.jpg", "a.jpgx", false)]
    [InlineData("images/*", "images/a.jpg", true)]
    [InlineData("images/*", "images/a/b.jpg", false)]
    [InlineData("images/**", "images/a/b.jpg", true)]
    [InlineData("**/b.jpg", "b.jpg", true)]
    [InlineData("**/b.jpg", "x/y/b.jpg", true)]
    [InlineData("a?c.txt", "abc.txt", true)]
    [InlineData("a.c", "abc", false)]
    public void Patterns_match(string pattern, string path, bool matches) => Assert.Equal(matches, new Glob(pattern).Matches(path));

    private string CacheFile => Path.Combine(scratch.FullName, "hashes");

    private async Task<Scan> ScanAsync(DateTimeOffset? now = null, Action<string>? hashed = null)
    {
        var cache = await HashCache.OpenAsync(CacheFile, now ?? DateTimeOffset.UtcNow, Cancel);
        var scan = await new FolderScan(tree.FullName, new GlobFilter([], []), cache) { Hashed = hashed }.RunAsync(_ => { }, Cancel);
        await cache.SaveAsync(Cancel);
        return scan;
    }

    private void Write(string path, string text) => Write(path, System.Text.Encoding.UTF8.GetBytes(text));

    private void Write(string path, byte[] bytes)
    {
        var file = Path.Combine(tree.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, bytes);
    }

    private void Link(string path, string target) => File.CreateSymbolicLink(Path.Combine(tree.FullName, path), target);
}
