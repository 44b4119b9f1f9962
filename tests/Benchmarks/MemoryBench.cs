using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Platform.Storage;
using Testing;

namespace Benchmarks;

/// <summary>
/// The largest resident set of the real host while it zips albums of growing size, one after the other: folder to folder, then S3 to S3; and
/// of one that zips an album of 50,000 small files. Albums name the same objects several times; to the packer each is another file.
/// </summary>
internal static class MemoryBench
{
    private static readonly int[] FolderVideos = [2, 10, 20];
    private static readonly int[] S3Videos = [2, 4, 8];
    internal const int ManyFiles = 50_000;
    private const int SmallObjects = 100;

    internal static async Task<int> RunAsync(string[] args)
    {
        var store = ZipBench.Store();
        await ZipBench.MakeSourcesAsync(Path.Combine(store, "sources"));
        using var cluster = await PostgresCluster.StartAsync();
        var lines = new List<Line>();
        if (!args.Contains("--no-folder"))
        {
            lines.AddRange(await MeasureAsync("folder", cluster, ZipBench.Folder(store), FolderVideos.Select(Videos)));
            lines.AddRange(await MeasureAsync("folder", cluster, ZipBench.Folder(store), [await ManyAsync(ZipBench.Folder(store))]));
        }

        if (!args.Contains("--no-s3"))
        {
            var s3 = ZipBench.S3(await CephServer.TlsBucketAsync());
            await ZipBench.UploadSourcesAsync(s3, Path.Combine(store, "sources"));
            lines.AddRange(await MeasureAsync("S3", cluster, s3, S3Videos.Select(Videos)));
            lines.AddRange(await MeasureAsync("S3", cluster, s3, [await ManyAsync(s3)]));
        }

        Console.WriteLine($"{"store",-8}{"files",8}{"album GB",10}{"wall s",9}{"host's peak RSS MB so far",28}");
        foreach (var line in lines)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{line.Store,-8}{line.Files,8}{line.Gigabytes,10:0.0}{line.WallSeconds,9:0.0}{line.PeakMegabytes,28:0}"));
        }

        await File.WriteAllTextAsync(
            Path.Combine(EventsBench.Repository(), "artifacts", "bench", "memory.json"),
            JsonSerializer.Serialize(lines, new JsonSerializerOptions { WriteIndented = true }));
        return 0;
    }

    private static List<AlbumFile> Videos(int count) =>
    [
        .. Enumerable.Range(0, count).Select(i => new AlbumFile($"sources/VID_{i % 3:0000}.mov")),
        .. Enumerable.Range(0, 20).Select(i => new AlbumFile($"sources/IMG_{i:0000}.jpg")),
    ];

    /// <summary>An album of 50,000 small files, each of a hundred objects many times.</summary>
    internal static async Task<List<AlbumFile>> ManyAsync(Dictionary<string, string> settings)
    {
        await using var storage = ZipBenchTools.Open(settings);
        for (var i = 0; i < SmallObjects; i++)
        {
            var bytes = new byte[10_000 + i];
            Random.Shared.NextBytes(bytes);
            await using var body = new BufferBody(bytes, Crc32.Append(0, bytes));
            await storage.Objects.PutAsync($"small/{i}.jpg", body, body.Length, "image/jpeg", default);
        }

        return [.. Enumerable.Range(0, ManyFiles).Select(i => new AlbumFile($"small/{i % SmallObjects}.jpg", $"{i / 1000}/{i:00000}.jpg"))];
    }

    private static async Task<List<Line>> MeasureAsync(
        string store, PostgresCluster cluster, Dictionary<string, string> settings, IEnumerable<List<AlbumFile>> albums)
    {
        var database = await ZipBench.CreateDatabaseAsync(cluster);
        var url = $"http://127.0.0.1:{FreePort()}";
        var start = new ProcessStartInfo("dotnet", [Path.Combine(EventsBench.Repository(), "src", "Host", "bin", "Release", "net10.0", "Host.dll")])
        {
            RedirectStandardOutput = true,
            Environment = { ["ConnectionStrings__Postgres"] = database, ["ASPNETCORE_URLS"] = url, ["Mail__Folder"] = Path.GetTempPath() },
        };
        foreach (var (key, value) in settings)
        {
            start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        }

        using var host = Process.Start(start)!;
        try
        {
            host.OutputDataReceived += (_, _) => { };
            host.BeginOutputReadLine();
            using var client = new HttpClient { BaseAddress = new Uri(url), Timeout = Timeout.InfiniteTimeSpan };
            await ReadyAsync(client, host);
            var lines = new List<Line>();
            foreach (var files in albums)
            {
                lines.Add(await ZipAsync(store, client, host, files));
            }

            return lines;
        }
        finally
        {
            host.Kill();
            await host.WaitForExitAsync();
            var made = Path.Combine(ZipBench.Store(), "albums");
            if (Directory.Exists(made))
            {
                Directory.Delete(made, recursive: true);
            }
        }
    }

    private static async Task<Line> ZipAsync(string store, HttpClient client, Process host, List<AlbumFile> files)
    {
        var watch = Stopwatch.StartNew();
        using var requested = await client.PostAsJsonAsync("/v1/albums", new { weddingId = "memory", files });
        await client.GetStringAsync($"{requested.Headers.Location}/progress"); // ends with the album
        var album = await client.GetFromJsonAsync<JsonElement>(requested.Headers.Location);
        return album.GetProperty("status").GetString() == "completed"
            ? new Line(
                store, files.Count, album.GetProperty("bytes").GetProperty("total").GetInt64() / 1e9, watch.Elapsed.TotalSeconds, ZipBenchTools.PeakMegabytes(host.Id))
            : throw new InvalidOperationException($"The album was not made: {album}");
    }

    private static async Task ReadyAsync(HttpClient client, Process host)
    {
        while (true)
        {
            try
            {
                using var answer = await client.GetAsync("/health/ready");
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException) when (!host.HasExited)
            {
            }

            await Task.Delay(50);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    internal sealed record AlbumFile(string Key, string? Name = null);

    private sealed record Line(string Store, int Files, double Gigabytes, double WallSeconds, double PeakMegabytes);
}
