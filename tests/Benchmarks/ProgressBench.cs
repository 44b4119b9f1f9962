using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Albums;
using Albums.Contracts;
using Testing;

namespace Benchmarks;

/// <summary>
/// How honest the time left is that a client sees: albums packed by the product from a store whose pace is limited and changes, asked every
/// 100 ms, beside what progress bars usually do with the same answers. And what asking costs, where the album has 50,000 events.
/// </summary>
internal static class ProgressBench
{
    private const double Megabyte = 1e6;
    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    // What is left in the last moments is nobody's question, and its relative error means nothing.
    private static readonly TimeSpan LeastLeft = TimeSpan.FromSeconds(1);

    internal static async Task<int> RunAsync(string[] args)
    {
        using var cluster = await PostgresCluster.StartAsync();
        var store = ZipBench.Store();
        await ZipBench.MakeSourcesAsync(Path.Combine(store, "sources"));
        await MakeMixedAsync(Path.Combine(store, "mixed"));
        var noise = new Random(1);
        var whims = Enumerable.Range(0, 1000).Select(_ => 0.4 + (1.2 * noise.NextDouble())).ToArray();
        List<Scenario> scenarios =
        [
            new("steady", "sources/", _ => 400 * Megabyte),
            new("another pace every second", "sources/", seconds => 400 * Megabyte * whims[(int)seconds]),
            new("half the pace after 3 s", "sources/", seconds => (seconds < 3 ? 400 : 200) * Megabyte),
            new("small files first, then videos", "mixed/", _ => 200 * Megabyte),
            new("a crash, 3 s of nothing, another node", "sources/", _ => 400 * Megabyte, CrashAfter: TimeSpan.FromSeconds(3)),
        ];
        Console.WriteLine("Median error of the time left, as a share of what it turned out to be; in brackets, how many answers were off by at most a quarter.");
        Console.WriteLine($"{"",-40}{"wall s",8}{"asked",7}{"ours",14}{"average",14}{"last 3 s",14}");
        var results = new List<object>();
        foreach (var scenario in scenarios)
        {
            var database = await ZipBench.CreateDatabaseAsync(cluster);
            await using var node = new StorageNode(
                new(ZipBench.Folder(store)) { ["ConnectionStrings:Postgres"] = database },
                objects => new PacedStorage(objects, new Line(scenario.BytesPerSecond), Latency));
            var (samples, completed) = await WatchAsync(node, scenario);
            var asked = samples.Where(sample => completed - sample.At >= LeastLeft.TotalSeconds && sample.DoneBytes > 0).ToArray();
            var ours = Error(asked, completed, sample => sample.SecondsLeft);
            var average = Error(asked, completed, sample => Left(sample, samples[0]));
            var recent = Error(asked, completed, sample => Left(sample, samples.First(earlier => earlier.At >= sample.At - 3)));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{scenario.Name,-40}{completed,8:0.0}{asked.Length,7}{Of(ours),14}{Of(average),14}{Of(recent),14}"));
            results.Add(new { scenario.Name, completed, ours, average, recent });
            Directory.Delete(Path.Combine(store, "albums"), recursive: true);
        }

        results.Add(await AskingAsync(cluster));
        await File.WriteAllTextAsync(
            Path.Combine(EventsBench.Repository(), "artifacts", "bench", "progress.json"), JsonSerializer.Serialize(results, new JsonSerializerOptions { WriteIndented = true }));
        return 0;

        static string Of((double Median, double Near) error) =>
            string.Create(CultureInfo.InvariantCulture, $"{error.Median * 100:0.0} % ({error.Near * 100:0} %)");
    }

    private static async Task<(List<Asked> Samples, double Completed)> WatchAsync(StorageNode node, Scenario scenario)
    {
        var id = await node.RequestAsync(scenario.Prefix);
        var watch = Stopwatch.StartNew();
        var work = PackAsync();
        var samples = new List<Asked>();
        while (!work.IsCompleted)
        {
            var view = AlbumView.Of(id, await node.AlbumAsync(id), DateTimeOffset.UtcNow);
            samples.Add(new Asked(watch.Elapsed.TotalSeconds, view.Bytes.Done, view.Bytes.Total, view.SecondsLeft));
            await Task.WhenAny(work, Task.Delay(Pause));
        }

        await work;
        return (samples, watch.Elapsed.TotalSeconds);

        async Task PackAsync()
        {
            if (scenario.CrashAfter is { } after)
            {
                using var crash = new CancellationTokenSource(after);
                try
                {
                    await node.PackAsync(id, crash.Token);
                }
                catch (OperationCanceledException)
                {
                    await Task.Delay(TimeSpan.FromSeconds(3));
                }
            }

            await node.PackAsync(id, CancellationToken.None);
        }
    }

    // As far as anybody can tell from bytes done since some moment.
    private static double? Left(Asked now, Asked since) =>
        now.DoneBytes > since.DoneBytes ? (now.TotalBytes - now.DoneBytes) * (now.At - since.At) / (now.DoneBytes - since.DoneBytes) : null;

    // No answer is as wrong as one that is off by everything.
    private static (double Median, double Near) Error(Asked[] asked, double completed, Func<Asked, double?> secondsLeft)
    {
        var errors = asked.Select(sample => secondsLeft(sample) is { } left ? Math.Abs(left - (completed - sample.At)) / (completed - sample.At) : 1)
            .Order().ToArray();
        return (errors[errors.Length / 2], errors.Count(error => error <= 0.25) / (double)errors.Length);
    }

    private static async Task<object> AskingAsync(PostgresCluster cluster)
    {
        const int Events = 50_000, Polls = 500;
        var database = await ZipBench.CreateDatabaseAsync(cluster);
        var folder = Directory.CreateTempSubdirectory("progress-");
        await using var node = new StorageNode(new(ZipBench.Folder(folder.FullName)) { ["ConnectionStrings:Postgres"] = database });
        var id = await node.RequestAsync("none/");
        await node.AppendAsync(id, [.. Enumerable.Range(0, Events).Select(i => new FileZipped(i, i * 1000L, 1000, (uint)i))]);
        await using var another = new StorageNode(new(ZipBench.Folder(folder.FullName)) { ["ConnectionStrings:Postgres"] = database });
        await another.RequestAsync("none/"); // starts it
        var first = await TimeAsync(1);
        var others = await TimeAsync(Polls);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Asking for an album of {Events:N0} events: {first:0} ms the first time on a node, then {others:0.00} ms."));
        folder.Delete(recursive: true);
        return new { Events, firstMilliseconds = first, thenMilliseconds = others };

        async Task<double> TimeAsync(int times)
        {
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < times; i++)
            {
                _ = AlbumView.Of(id, await another.AlbumAsync(id), DateTimeOffset.UtcNow);
            }

            return watch.Elapsed.TotalMilliseconds / times;
        }
    }

    private static async Task MakeMixedAsync(string folder)
    {
        Directory.CreateDirectory(folder);
        await WriteAsync("photo", 4000, 40_000);
        await WriteAsync("video", 2, 400_000_000);

        async Task WriteAsync(string kind, int count, int sizeBytes)
        {
            var bytes = new byte[sizeBytes];
            foreach (var path in Enumerable.Range(0, count).Select(i => Path.Combine(folder, $"{kind}-{i:0000}.bin")))
            {
                if (!File.Exists(path) || new FileInfo(path).Length != sizeBytes)
                {
                    await File.WriteAllBytesAsync(path, bytes);
                }
            }
        }
    }

    private sealed record Scenario(string Name, string Prefix, Func<double, double> BytesPerSecond, TimeSpan? CrashAfter = null);

    private sealed record Asked(double At, long DoneBytes, long TotalBytes, double? SecondsLeft);
}
