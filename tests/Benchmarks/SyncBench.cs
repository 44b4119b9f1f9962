using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.Storage;
using Testing;

namespace Benchmarks;

/// <summary>
/// A site of 10,000 albums with three pictures each, 1 GB, brought to an S3 server as a build server does it: for the first time, again, after 1 %
/// has changed, and after a build that wrote all files again; by <c>Host assets sync</c>, rclone as well tuned as it can be, and
/// <c>aws s3 sync</c> with as many requests in flight. The store and our API are at the end of wires that are as long as said.
/// </summary>
/// <remarks><c>./bench sync [--files N] [--only ours|rclone|aws] [--latency MS]</c></remarks>
internal static class SyncBench
{
    private const int ChangedOneIn = 100;
    private const int WarmFiles = 500;
    private static readonly string[] Steps = ["first", "no change", "1 % changed", "rebuilt"];

    internal static async Task<int> RunAsync(string[] args)
    {
        var files = int.Parse(Option("--files") ?? "30000", CultureInfo.InvariantCulture);
        int[] latencies = Option("--latency") is { } one ? [int.Parse(one, CultureInfo.InvariantCulture)] : [0, 25];
        string[] tools = Option("--only") is { } only ? [only] : ["ours", "rclone", "aws"];
        var folder = Directory.CreateTempSubdirectory("sync-bench-").FullName;
        var lines = new List<Line>();
        Console.WriteLine($"{files} files");
        Console.WriteLine($"{"ms",-4}{"",-8}{string.Concat(Steps.Select(step => $"{step + ": s",16}{"requests",10}"))}");
        try
        {
            using var cluster = await PostgresCluster.StartAsync();
            foreach (var latency in latencies)
            {
                foreach (var tool in tools)
                {
                    var measured = await MeasureAsync(tool, TimeSpan.FromMilliseconds(latency), files, folder, cluster);
                    lines.AddRange(measured);
                    var columns = measured.Select(line => string.Create(CultureInfo.InvariantCulture, $"{line.Seconds,16:0.00}{line.Requests,10}"));
                    Console.WriteLine($"{latency,-4}{tool,-8}{string.Concat(columns)}");
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        await File.WriteAllTextAsync(
            Path.Combine(EventsBench.Repository(), "artifacts", "bench", "sync.json"),
            JsonSerializer.Serialize(lines, new JsonSerializerOptions { WriteIndented = true }));
        return 0;

        string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 ? args[at + 1] : null;
    }

    /// <summary>All steps of one tool, from a new tree into a new bucket.</summary>
    private static async Task<IReadOnlyList<Line>> MeasureAsync(string tool, TimeSpan latency, int files, string folder, PostgresCluster cluster)
    {
        var dist = Path.Combine(folder, "dist");
        for (var i = 0; i < files; i++)
        {
            await WriteAsync(dist, i, version: 0);
        }

        var server = await CephServer.OwnBucketAsync(isTls: false);
        await using var wire = new LongWire(new Uri(server.Endpoint!).Port, latency);
        var bucket = server with { Endpoint = wire.Url.ToString().TrimEnd('/') };
        await using var host = tool == "ours" ? await BenchServer.StartHostAsync(Path.Combine(folder, "host"), await ZipBench.CreateDatabaseAsync(cluster), more: ZipBench.S3(bucket)) : null;
        await using var api = host is null ? null : new LongWire(host.Client.BaseAddress!.Port, latency);
        var scratch = Path.Combine(folder, $"{tool}-{latency.TotalMilliseconds}");
        if (host is not null)
        {
            await WarmAsync(host.Client, api!.Url, scratch);
        }

        Func<ProcessStartInfo> start = tool switch
        {
            "ours" => () => Ours(dist, "music", api!.Url, scratch),
            "rclone" => () => Rclone(dist, bucket),
            "aws" => () => Aws(dist, bucket, scratch),
            _ => throw new ArgumentException($"There is no tool {tool}.", nameof(tool)),
        };
        var lines = new List<Line>();
        foreach (var step in Steps)
        {
            for (var i = 0; i < files; i++)
            {
                if (step == "rebuilt" || (step == "1 % changed" && i % ChangedOneIn == 0))
                {
                    await WriteAsync(dist, i, i % ChangedOneIn == 0 ? 1 : 0);
                }
            }

            var before = wire.Requests;
            var seconds = await TimeAsync(start());
            lines.Add(new Line(tool, latency.TotalMilliseconds, step, seconds, wire.Requests - before));
        }

        await CephServer.RemoveBucketAsync(server);
        return lines;
    }

    private static async Task WriteAsync(string dist, int number, int version)
    {
        var random = new Random((number * 2) + version);
        var bytes = new byte[20_000 + (number * 7919 % 30_000)]; // of the same size in each version
        random.NextBytes(bytes);
        var folder = Directory.CreateDirectory(Path.Combine(dist, $"{number / 3000}", $"{number / 3}")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, $"{number % 3}.jpg"), bytes);
    }

    // The host is a server that has been running for a while; command lines start cold, ours too.
    private static async Task WarmAsync(HttpClient host, Uri api, string scratch)
    {
        foreach (var site in new[] { "warm", "music" })
        {
            using var registered = await host.PostAsJsonAsync("/v1/sites", new { name = site });
            registered.EnsureSuccessStatusCode();
        }

        for (var version = 0; version < 2; version++)
        {
            for (var i = 0; i < WarmFiles; i++)
            {
                await WriteAsync(Path.Combine(scratch, "warm"), i, version);
            }

            await TimeAsync(Ours(Path.Combine(scratch, "warm"), "warm", api, scratch));
        }
    }

    private static ProcessStartInfo Ours(string dist, string site, Uri api, string scratch) => new(
        "dotnet", [Path.Combine(EventsBench.Repository(), "src", "Host", "bin", "Release", "net10.0", "Host.dll"), "assets", "sync", dist, "--site", site, "--delete"])
    {
        Environment = { ["Assets__Url"] = api.ToString(), ["XDG_CACHE_HOME"] = scratch },
    };

    private static ProcessStartInfo Rclone(string dist, S3Options bucket) => new(
        "rclone",
        [
            "sync", dist, $"store:{bucket.Bucket}/site", "--checksum", "--fast-list", "--transfers", "32", "--checkers", "32",
            "--s3-no-head", "--s3-no-check-bucket", "--s3-upload-cutoff", "1G", "--config", "/dev/null",
        ])
    {
        Environment =
        {
            ["RCLONE_CONFIG_STORE_TYPE"] = "s3",
            ["RCLONE_CONFIG_STORE_PROVIDER"] = "Ceph",
            ["RCLONE_CONFIG_STORE_ENDPOINT"] = bucket.Endpoint,
            ["RCLONE_CONFIG_STORE_ACCESS_KEY_ID"] = bucket.AccessKey,
            ["RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY"] = bucket.SecretKey,
        },
    };

    private static ProcessStartInfo Aws(string dist, S3Options bucket, string scratch)
    {
        var config = Path.Combine(Directory.CreateDirectory(scratch).FullName, "config");
        File.WriteAllText(config, "[default]\ns3 =\n  max_concurrent_requests = 32\n");
        return new("aws", ["s3", "sync", dist, $"s3://{bucket.Bucket}/site", "--delete", "--only-show-errors", "--endpoint-url", bucket.Endpoint!])
        {
            Environment =
            {
                ["AWS_CONFIG_FILE"] = config,
                ["AWS_ACCESS_KEY_ID"] = bucket.AccessKey,
                ["AWS_SECRET_ACCESS_KEY"] = bucket.SecretKey,
                ["AWS_DEFAULT_REGION"] = bucket.Region,
                ["AWS_REQUEST_CHECKSUM_CALCULATION"] = "when_required", // what it does otherwise this server does not know
            },
        };
    }

    private static async Task<double> TimeAsync(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.Environment.Remove("AWS_CA_BUNDLE"); // there is no TLS, and rclone cannot do with it
        var watch = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? watch.Elapsed.TotalSeconds
            : throw new InvalidOperationException($"{start.FileName} ended with {process.ExitCode}: {error}{await output}");
    }

    private sealed record Line(string Tool, double LatencyMilliseconds, string Step, double Seconds, int Requests);
}
