using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Albums;
using Testing;

namespace Benchmarks;

/// <summary>
/// An album that no job has packed, handed out by the real host beside nginx and Kestrel's static files, which have the ZIP on the disk: gigabytes for
/// each second of the server's processor time. Rounds are interleaved, and the client shares the machine. Then the time to the first byte of an
/// album of 50,000 files, the first time on a node and with its plan cached.
/// </summary>
internal static class DownloadBench
{
    private const int Resumptions = 300;

    /// <param name="args"><c>--rounds=N</c> (5).</param>
    internal static async Task<int> RunAsync(string[] args)
    {
        var rounds = int.Parse(args.FirstOrDefault(arg => arg.StartsWith("--rounds=", StringComparison.Ordinal))?[9..] ?? "5", CultureInfo.InvariantCulture);
        await ZipBench.MakeSourcesAsync(Path.Combine(ZipBench.Store(), "sources"));
        using var cluster = await PostgresCluster.StartAsync();
        var database = await ZipBench.CreateDatabaseAsync(cluster);
        var (album, many) = await PlanAsync(new(ZipBench.Folder(ZipBench.Store())) { ["ConnectionStrings:Postgres"] = database });

        // No worker: the albums stay what they are, plans.
        await using var host = await BenchServer.StartHostAsync(ZipBench.Store(), database, roles: "web");
        var firstByte = await FirstByteAsync(host, many);
        var folder = Directory.CreateTempSubdirectory("download-bench-").FullName;
        try
        {
            await File.WriteAllTextAsync(
                Path.Combine(EventsBench.Repository(), "artifacts", "bench", "download.json"),
                JsonSerializer.Serialize(new { firstByte, rows = await ThroughputAsync(host, album, folder, rounds) }, new JsonSerializerOptions { WriteIndented = true }));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static async Task<(string Album, string Many)> PlanAsync(Dictionary<string, string> settings)
    {
        var small = await MemoryBench.ManyAsync(settings);
        await using var node = ZipBenchTools.Open(settings);
        await node.AnnounceAsync("sources/");
        await node.AnnounceAsync("small/");
        return (
            $"/v1/albums/{await node.PlanAsync(await node.FilesAsync("sources/"))}/download",
            $"/v1/albums/{await node.PlanAsync([.. small.Select(file => new RequestedFile(file.Key, file.Name))])}/download");
    }

    private static async Task<object> FirstByteAsync(BenchServer host, string album)
    {
        var first = await TimeAsync(new RangeHeaderValue(0, null));
        using var head = await host.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, album));
        var (size, random) = (head.Content.Headers.ContentLength!.Value, new Random(1));
        var times = new double[Resumptions];
        for (var i = 0; i < times.Length; i++)
        {
            times[i] = await TimeAsync(new RangeHeaderValue(i % 3 == 0 ? 0 : random.NextInt64(size), null));
        }

        Array.Sort(times);
        var row = new { first, median = times[times.Length / 2], at95 = times[times.Length * 95 / 100], worst = times[^1] };
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"First byte of {MemoryBench.ManyFiles} files: {row.first:0} ms the first time on a node; then {row.median:0.0} ms in the median, {row.at95:0.0} at 95 %, {row.worst:0.0} at worst; the limit is 50."));
        return row;

        async Task<double> TimeAsync(RangeHeaderValue range)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, album) { Headers = { Range = range } };
            var watch = Stopwatch.StartNew();
            using var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            await using var body = await answer.EnsureSuccessStatusCode().Content.ReadAsStreamAsync();
            await body.ReadExactlyAsync(new byte[1]);
            return watch.Elapsed.TotalMilliseconds;
        }
    }

    private static async Task<object> ThroughputAsync(BenchServer host, string album, string folder, int rounds)
    {
        const string Zip = "album.zip";
        await using var nginx = await BenchServer.StartNginxAsync(folder);
        await using var files = await BenchServer.StartStaticFilesAsync(folder);
        await using (var file = File.Create(Path.Combine(folder, Zip)))
        {
            await using var body = await host.Client.GetStreamAsync(new Uri(album, UriKind.Relative));
            await body.CopyToAsync(file);
        }

        var bytes = new FileInfo(Path.Combine(folder, Zip)).Length;
        (string Name, BenchServer Server, string Path)[] ways =
            [("ours, made as it goes out", host, album), ("Kestrel static file", files, $"/{Zip}"), ("nginx file", nginx, $"/{Zip}")];
        foreach (var way in ways)
        {
            await DownloadAsync(way.Server, way.Path, bytes); // compiled, and the file is in memory
        }

        var samples = ways.ToDictionary(way => way.Name, _ => new List<Spent>());
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (name, server, path) in ways)
            {
                samples[name].Add(await new ProcessorTime(server.ProcessId).MeasureAsync(() => DownloadAsync(server, path, bytes)));
            }
        }

        var nginxCpu = samples[ways[^1].Name].Min(spent => spent.Server.TotalSeconds);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.00} GB, the least of {rounds} rounds"));
        Console.WriteLine($"{"",-28}{"MB/s",8}{"CPU s",8}{"GB/CPU s",10}{"of nginx",10}{"peak RSS MB",13}");
        var rows = new List<object>();
        foreach (var (name, server, _) in ways)
        {
            var (wall, cpu) = (samples[name].Min(spent => spent.Wall.TotalSeconds), samples[name].Min(spent => spent.Server.TotalSeconds));
            var row = new
            {
                name,
                megabytesPerSecond = bytes / 1e6 / wall,
                cpuSeconds = cpu,
                gigabytesPerCpuSecond = bytes / 1e9 / cpu,
                ofNginx = nginxCpu / cpu,
                peakMegabytes = ZipBenchTools.PeakMegabytes(server.ProcessId),
            };
            rows.Add(row);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name,-28}{row.megabytesPerSecond,8:0}{cpu,8:0.00}{row.gigabytesPerCpuSecond,10:0.00}{row.ofNginx,10:0.00}{row.peakMegabytes,13:0}"));
        }

        return rows;
    }

    private static async Task DownloadAsync(BenchServer server, string path, long sizeBytes)
    {
        await using var body = await server.Client.GetStreamAsync(new Uri(path, UriKind.Relative));
        var buffer = new byte[1 << 20];
        var left = sizeBytes;
        for (int read; (read = await body.ReadAsync(buffer)) > 0;)
        {
            left -= read;
        }

        if (left != 0)
        {
            throw new InvalidOperationException($"{path} lacks {left} bytes.");
        }
    }
}
