using System.Diagnostics;
using Assets.Client;
using Assets.Images;
using Platform;
using Platform.Images;
using Xunit;

namespace Assets.Tests.Images;

/// <summary>Pictures made by the host's own worker process, and looked at by ffmpeg.</summary>
public sealed class MakeImagesTests : IAsyncLifetime
{
    private static readonly SiteImageRule[] Rules = [new("**", [320, 160], Jpeg: 82, Webp: 80, Avif: 65)];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("images-");
    private readonly ImageWorkers workers = new(most: 2, SiteServer.Host);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Source => Path.Combine(folder.FullName, "source");

    private string Target => Path.Combine(folder.FullName, "target");

    private string[] Made => [.. Directory.GetFiles(Target).Select(file => Path.GetFileName(file)!).Where(name => name != "images.json").Order()];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await workers.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Pictures_are_made_in_each_width_and_format_but_never_wider_than_they_are()
    {
        Write("large.jpg", Photos.Photo(1, 640, 480));
        Write("small.jpg", Photos.Photo(2, 200, 100));
        Write("page.html", "<!doctype html>"u8.ToArray());
        var run = await RunAsync();
        Assert.Empty(run.Refused);
        Assert.Equal(["large.jpg", "small.jpg"], run.Manifest.Images.Keys);
        var large = run.Manifest.Images["large.jpg"];
        Assert.Equal((640, 480), (large.Width, large.Height));
        Assert.Equal([160, 160, 160, 320, 320, 320], large.Variants.Select(variant => variant.Width));
        Assert.Equal([160, 160, 160, 200, 200, 200], run.Manifest.Images["small.jpg"].Variants.Select(variant => variant.Width));
        Assert.Equal(
            string.Join(", ", large.Variants.Where(variant => variant.Format == "avif").Select(variant => $"/img/{variant.FileName} {variant.Width}w")),
            large.Srcset["avif"]);
        Assert.StartsWith("data:image/webp;base64,", large.Placeholder, StringComparison.Ordinal);
        Assert.InRange(large.Placeholder.Length, 60, 800);
        Write("decoded.jpg", Photos.Photo(1, 640, 480));
        var mean = (await Photos.DecodeAsync(Path.Combine(Source, "decoded.jpg"), Cancel)).Mean;
        foreach (var variant in run.Manifest.Images.Values.SelectMany(image => image.Variants))
        {
            var file = Path.Combine(Target, variant.FileName);
            var seen = await Photos.DecodeAsync(file, Cancel);
            Assert.Equal((variant.Width, variant.Height, variant.SizeBytes), (seen.Width, seen.Height, new FileInfo(file).Length));
            Assert.Equal(variant.Format switch { "jpeg" => "mjpeg", "avif" => "av1", var format => format }, seen.Codec);
            if (large.Variants.Contains(variant))
            {
                Assert.All(mean.Zip(seen.Mean), channel => Assert.InRange(channel.Second, channel.First - 6, channel.First + 6)); // no darker
            }
        }
    }

    [Fact]
    public async Task Pictures_are_upright_and_tell_nothing_of_who_made_them_where()
    {
        var camera = System.Text.Encoding.ASCII.GetBytes(Photos.Camera);
        var held = Photos.WithExif(Photos.Photo(3, 640, 480), orientation: 6);
        Assert.True(held.AsSpan().IndexOf(camera) > 0);
        Write("held.jpg", held);
        var image = (await RunAsync()).Manifest.Images["held.jpg"];
        Assert.Equal((480, 640), (image.Width, image.Height));
        Assert.Equal([(160, 213), (320, 427)], image.Variants.Select(variant => (variant.Width, variant.Height)).Distinct());
        foreach (var variant in image.Variants)
        {
            var bytes = await File.ReadAllBytesAsync(Path.Combine(Target, variant.FileName), Cancel);
            Assert.Equal(-1, bytes.AsSpan().IndexOf(camera));
            Assert.Equal(-1, bytes.AsSpan().IndexOf<byte>([0, 0, 0, 48, 0, 0, 0, 1, 0, 0, 0, 8])); // the latitude
            Assert.Equal(-1, bytes.AsSpan().IndexOf<byte>([48, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0])); // and little-endian
            var seen = await Photos.DecodeAsync(Path.Combine(Target, variant.FileName), Cancel);
            Assert.Equal((variant.Width, variant.Height), (seen.Width, seen.Height));
        }
    }

    /// <summary>A red of Display P3 is a stronger one in sRGB, and without its profile the same numbers would be a paler one.</summary>
    [Fact]
    public async Task Wide_colours_become_those_of_sRGB()
    {
        var plain = await Photos.PlainAsync("0xC83232", Cancel);
        Write("plain.jpg", plain);
        Write("wide.jpg", Photos.InDisplayP3(plain));
        var run = await RunAsync();
        Assert.Empty(run.Refused);
        await AssertColourAsync("plain.jpg", 200, 50, 50);
        await AssertColourAsync("wide.jpg", 219, 14, 35);

        async Task AssertColourAsync(string name, params int[] colour)
        {
            foreach (var variant in run.Manifest.Images[name].Variants)
            {
                var file = Path.Combine(Target, variant.FileName);
                Assert.Equal(-1, (await File.ReadAllBytesAsync(file, Cancel)).AsSpan().IndexOf("acsp"u8)); // no profile
                var mean = (await Photos.DecodeAsync(file, Cancel)).Mean;
                Assert.All(colour.Zip(mean), channel => Assert.InRange(channel.Second, channel.First - 6, channel.First + 6));
            }
        }
    }

    [Fact]
    public async Task Hostile_and_damaged_files_are_refused_by_name_and_the_others_are_made()
    {
        var photo = Photos.Photo(4, 640, 480);
        var flipped = photo.ToArray();
        new Random(1).NextBytes(flipped.AsSpan(flipped.Length / 2, 2000));

        Write("bomb.jpg", Photos.Claiming(photo, 65500, 65500));
        Write("lying.jpg", Photos.Claiming(photo, 3000, 3000));
        Write("truncated.jpg", photo[..(photo.Length / 2)]);
        Write("flipped.jpg", flipped);
        Write("script.jpg", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><image href='/etc/passwd'/></svg>"u8.ToArray());
        Write("empty.jpg", []);
        Write("good.jpg", photo);
        var run = await RunAsync();
        Assert.Equal(["good.jpg"], run.Manifest.Images.Keys);
        Assert.Equal(
            ["bomb.jpg", "empty.jpg", "flipped.jpg", "lying.jpg", "script.jpg", "truncated.jpg"], run.Refused.Select(line => line.Split(':')[0]));
        Assert.Contains("65500 x 65500 pixels", run.Refused[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_what_changed_is_made_and_what_nothing_needs_goes()
    {
        Write("a.jpg", Photos.Photo(5, 400, 300));
        Write("b.jpg", Photos.Photo(6, 400, 300));
        Write("copy of b.jpg", Photos.Photo(6, 400, 300));
        var first = await RunAsync();
        Assert.Equal((3, 0, 12), (first.Made, first.Unchanged, Made.Length));
        Assert.Equal((0, 3), Counts(await RunAsync()));

        Write("a.jpg", Photos.Photo(7, 400, 300));
        Assert.Equal((1, 2), Counts(await RunAsync()));
        Assert.Equal(12, Made.Length);

        File.Delete(Path.Combine(Target, first.Manifest.Images["b.jpg"].Variants[0].FileName));
        Assert.Equal((2, 1), Counts(await RunAsync()));

        File.Delete(Path.Combine(Source, "a.jpg"));
        await File.WriteAllTextAsync(Path.Combine(Target, ".0123456789abcdef0123456789abcdef"), "what a run that died was writing", Cancel);
        Assert.Equal((0, 2), Counts(await RunAsync()));
        Assert.Equal(6, Made.Length);

        Assert.Equal((2, 0), Counts(await RunAsync([Rules[0] with { Jpeg = 60 }])));
        Assert.Equal((2, 0), Counts(await RunAsync([new("copy*", [100], Jpeg: 60), new("*.jpg", [90], Jpeg: 60)])));
        Assert.Equal(2, Made.Length);
    }

    [Fact]
    public async Task A_picture_that_takes_too_long_is_refused()
    {
        // It takes whatever comes, and never answers: a real one may be faster than the timer where that has to wait for a processor.
        const string script = """printf '\036\000\000\000{"version":"1","missing":null}'; /bin/cat >/dev/null""";
        await using var hasty = new ImageWorkers(most: 1, ["/bin/sh", "-c", script], TimeSpan.FromMilliseconds(1));
        for (var i = 0; i < 2; i++)
        {
            var refused = await Assert.ThrowsAsync<ImageRefusedException>(() => MakeAsync(hasty, Photos.Photo(8, 1600, 1200)));
            Assert.Contains("takes longer", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_worker_that_ends_costs_the_picture_it_had_and_no_other()
    {
        // It takes the second source, too: by then it is another process.
        const string script = """printf '\036\000\000\000{"version":"1","missing":null}'; read -r line; exit 1""";
        await using var ending = new ImageWorkers(most: 1, ["/bin/sh", "-c", script]);
        for (var i = 0; i < 2; i++)
        {
            var refused = await Assert.ThrowsAsync<ImageRefusedException>(() => MakeAsync(ending, [.. "\n"u8, .. Photos.Photo(9, 640, 480)]));
            Assert.Contains("ended the process", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_libvips_the_command_that_installs_it_is_said()
    {
        const string script = """printf '\036\000\000\000{"version":null,"missing":"x"}'""";
        await using var lacking = new ImageWorkers(most: 1, ["/bin/sh", "-c", script]);
        var refused = await Assert.ThrowsAsync<StartupException>(() => MakeAsync(lacking, Photos.Photo(9, 64, 48)));
        Assert.Contains("apt-get install libvips42", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_libvips_is_taken_where_it_is_named()
    {
        Write("a.jpg", Photos.Photo(1, 64, 48));
        var another = Path.Combine(folder.FullName, "another.so");
        File.CreateSymbolicLink(another, Directory.GetDirectories("/usr/lib", "*-linux-*").Select(library => Path.Combine(library, "libvips.so.42")).First(File.Exists));
        var (exitCode, said) = await CommandAsync(another);
        Assert.True(exitCode == 0, said); // where the machine is slow, it says how far it is
        Assert.NotEmpty(Made);

        Write("b.jpg", Photos.Photo(2, 64, 48));
        (exitCode, said) = await CommandAsync(another + ".moved");
        Assert.Equal(3, exitCode);
        Assert.Contains("another.so.moved", said, StringComparison.Ordinal);
    }

    private static (int Made, int Unchanged) Counts(ImageRun run) => (run.Made, run.Unchanged);

    private static async Task<MadeImage> MakeAsync(ImageWorkers by, byte[] picture)
    {
        using var source = new MemoryStream(picture);
        return await by.MakeAsync(source, picture.Length, new ImageRule([100], Jpeg: 80), (_, _, _) => ValueTask.CompletedTask, Cancel);
    }

    private async Task<(int ExitCode, string Said)> CommandAsync(string libvips)
    {
        using var process = Process.Start(new ProcessStartInfo(SiteServer.Host[0], [SiteServer.Host[1], "assets", "images", Source, "--out", Target])
        {
            Environment = { ["LIBVIPS"] = libvips, ["XDG_CACHE_HOME"] = folder.FullName },
            RedirectStandardError = true,
        })!;
        var said = await process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, said);
    }

    private void Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(Source);
        File.WriteAllBytes(Path.Combine(Source, name), bytes);
    }

    private async Task<ImageRun> RunAsync(IReadOnlyList<SiteImageRule>? rules = null)
    {
        var cache = await HashCache.OpenAsync(Path.Combine(folder.FullName, "hashes"), DateTimeOffset.UtcNow, Cancel);
        var scan = await new FolderScan(Source, new GlobFilter([], []), cache).RunAsync(_ => { }, Cancel);
        return await new MakeImages(workers, Target, "/img/").RunAsync(scan.Files, rules ?? Rules, _ => { }, Cancel);
    }
}
