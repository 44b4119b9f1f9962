using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Testing;

namespace Benchmarks;

/// <summary>
/// Photos of 12 megapixels made into three widths and two formats each, by <c>Host assets images</c> and by npm sharp, which decodes once and
/// works on as many at a time, too; and by ours with the libvips that sharp brings. Each in a process of its own, from its start; rounds are
/// interleaved. What counts is processor time: of it and all its children; and their memory together, pages that several share once.
/// </summary>
/// <remarks><c>./bench images [--photos N] [--rounds N]</c></remarks>
internal static class ImagesBench
{
    private const int Side = 4000;
    private const string Ours = "ours";
    private const string OursWithTheirs = "ours, sharp's libvips";
    private const string Sharp = "sharp";
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50); // counting pages takes a while itself

    internal static async Task<int> RunAsync(string[] args)
    {
        var (photos, rounds) = (Number("--photos", 200), Number("--rounds", 3));
        var folder = Directory.CreateTempSubdirectory("images-bench-").FullName;
        var source = Directory.CreateDirectory(Path.Combine(folder, "photos")).FullName;
        for (var i = 0; i < photos; i++)
        {
            await using var photo = SampleMedia.OpenPhoto(i, Side, Side * 3 / 4, noise: 12);
            await using var file = File.Create(Path.Combine(source, $"{i}.jpg"));
            await photo.CopyToAsync(file);
        }

        (string Name, string Rule)[] jobs =
        [
            ("JPEG 82 + WebP 80", """[{"glob":"**","widths":[640,1280,2048],"jpeg":82,"webp":80}]"""),
            ("JPEG 82 + AVIF 65", """[{"glob":"**","widths":[640,1280,2048],"jpeg":82,"avif":65}]"""),
        ];
        var rules = Path.Combine(folder, "rules.json");
        var results = new List<object>();
        Console.WriteLine($"{photos} photos of 12 megapixels, three widths, medians of {rounds} rounds");
        Console.WriteLine($"{"",-20}{"",-22}{"photos/s",10}{"photos/CPU-s",14}{"peak memory MB",16}{"MB made",9}{"of sharp",10}");
        try
        {
            foreach (var job in jobs)
            {
                await File.WriteAllTextAsync(rules, job.Rule);
                var samples = new List<(string Name, Run Run)>();
                for (var round = 0; round < rounds; round++)
                {
                    samples.Add((Ours, await MeasureAsync(libvips: "", "dotnet", Host, "assets", "images", source, "--out", Target(), "--rules", rules)));
                    samples.Add((OursWithTheirs, await MeasureAsync(SharpsLibvips, "dotnet", Host, "assets", "images", source, "--out", Target(), "--rules", rules)));
                    samples.Add((Sharp, await MeasureAsync(libvips: "", "node", Path.Combine(Peers, "sharp.mjs"), source, Target(), rules)));
                }

                var limit = Median(Sharp, run => run.ProcessorSeconds);
                foreach (var name in new[] { Ours, OursWithTheirs, Sharp })
                {
                    var row = new
                    {
                        job = job.Name,
                        name,
                        photosPerSecond = photos / Median(name, run => run.Seconds),
                        photosPerProcessorSecond = photos / Median(name, run => run.ProcessorSeconds),
                        peakMegabytes = samples.Where(sample => sample.Name == name).Max(sample => sample.Run.PeakBytes) / 1e6,
                        megabytesMade = Median(name, run => run.MadeBytes) / 1e6,
                        ofSharp = limit / Median(name, run => run.ProcessorSeconds),
                    };
                    results.Add(row);
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{row.job,-20}{name,-22}{row.photosPerSecond,10:0.00}{row.photosPerProcessorSecond,14:0.00}{row.peakMegabytes,16:0}{row.megabytesMade,9:0.0}{row.ofSharp,10:0.00}"));
                }

                double Median(string name, Func<Run, double> of)
                {
                    var sorted = samples.Where(sample => sample.Name == name).Select(sample => of(sample.Run)).Order().ToArray();
                    return sorted[sorted.Length / 2];
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        await File.WriteAllTextAsync(
            Path.Combine(EventsBench.Repository(), "artifacts", "bench", "images.json"),
            JsonSerializer.Serialize(results, new JsonSerializerOptions { WriteIndented = true }));
        return 0;

        string Target() => Directory.CreateDirectory(Path.Combine(folder, $"{Guid.NewGuid():n}")).FullName;

        int Number(string name, int otherwise) =>
            Array.IndexOf(args, name) is var at and >= 0 ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : otherwise;
    }

    private static string Host => Path.Combine(EventsBench.Repository(), "src", "Host", "bin", "Release", "net10.0", "Host.dll");

    private static string Peers => Path.Combine(EventsBench.Repository(), "tests", "Benchmarks", "peers");

    private static string SharpsLibvips => Directory.GetFiles(Path.Combine(Peers, "node_modules", "@img"), "libvips-cpp.so*", SearchOption.AllDirectories).Single();

    private static async Task<Run> MeasureAsync(string libvips, string program, params string[] arguments)
    {
        var before = ChildrenSeconds();
        var watch = Stopwatch.StartNew();
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            Environment = { ["LIBVIPS"] = libvips },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        long peak = 0;
        var ended = process.WaitForExitAsync();
        while (!ended.IsCompleted)
        {
            peak = Math.Max(peak, ProportionalBytes(process.Id));
            await Task.WhenAny(ended, Task.Delay(LookEvery));
        }

        var target = arguments.First(argument => argument.Contains("images-bench-", StringComparison.Ordinal) && !argument.EndsWith("photos", StringComparison.Ordinal));
        var made = new DirectoryInfo(target).EnumerateFiles().Where(file => file.Extension != ".json").Sum(file => file.Length);
        return process.ExitCode == 0 && made > 0
            ? new Run(watch.Elapsed.TotalSeconds, ChildrenSeconds() - before, peak, made)
            : throw new InvalidOperationException($"{program} ended with {process.ExitCode}.");
    }

    // proc(5): behind the name in parentheses, cutime and cstime are the 14th and 15th field: of children that have ended, and theirs.
    private static double ChildrenSeconds()
    {
        var fields = Fields("self");
        return (long.Parse(fields[13], CultureInfo.InvariantCulture) + long.Parse(fields[14], CultureInfo.InvariantCulture)) / 100.0;
    }

    private static long ProportionalBytes(int processId)
    {
        try
        {
            var pss = File.ReadLines($"/proc/{processId}/smaps_rollup").First(line => line.StartsWith("Pss:", StringComparison.Ordinal)).Split(' ')[^2];
            return (long.Parse(pss, CultureInfo.InvariantCulture) * 1024) + Directory.EnumerateDirectories($"/proc/{processId}/task")
                .SelectMany(thread => File.ReadAllText($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Sum(child => ProportionalBytes(int.Parse(child, CultureInfo.InvariantCulture)));
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return 0; // ended meanwhile
        }
    }

    private static string[] Fields(string process)
    {
        var stat = File.ReadAllText($"/proc/{process}/stat");
        return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
    }

    private sealed record Run(double Seconds, double ProcessorSeconds, long PeakBytes, long MadeBytes);
}
