using System.Globalization;
using System.Text.Json;
using Npgsql;
using Platform.Storage;
using Testing;

namespace Benchmarks;

/// <summary>
/// Packing one album – 200 photos of 2 to 8 MB and three videos of 500 MB – beside the packers people use and the limits of the machine:
/// from folder to folder, and from S3 to S3 on a local server. All in one run, interleaved, each in a process of its own. The least of
/// all rounds: what a machine does besides only ever adds.
/// </summary>
internal static class ZipBench
{
    private const int Photos = 200;
    private const int Videos = 3;
    private const int VideoBytes = 500_000_000;

    private const string RawOnS3 = "raw parallel get + put, S3 → S3";
    private const string OursOnS3 = "ours, S3 → S3";
    private const string NodeOnS3 = "Node archiver, S3 → S3";
    private const string PythonOnS3 = "Python zipfile, S3 → S3";

    private const string Node = """
        const fs = require('fs'), path = require('path'), { createRequire } = require('module');
        const archiver = createRequire(process.argv[3] + '/')('archiver');
        const zip = archiver('zip', { store: true });
        zip.pipe(fs.createWriteStream(process.argv[2]));
        for (const name of fs.readdirSync('.')) zip.file(name, { name });
        zip.finalize();
        """;

    private const string Python = """
        import os, sys, zipfile
        with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_STORED) as zip:
            for name in sorted(os.listdir('.')): zip.write(name)
        """;

    /// <param name="args"><c>--rounds=N</c> (5), <c>--no-s3</c>, <c>--s3-only</c>, <c>--no-peers</c>.</param>
    internal static async Task<int> RunAsync(string[] args)
    {
        var rounds = int.Parse(args.FirstOrDefault(arg => arg.StartsWith("--rounds=", StringComparison.Ordinal))?[9..] ?? "5", CultureInfo.InvariantCulture);
        var scratch = Path.Combine(EventsBench.Repository(), "artifacts", "bench", "zip");
        var sources = Path.Combine(Store(), "sources");
        var folder = Path.Combine(scratch, "out");
        var output = Path.Combine(folder, "album.zip");
        var bytes = await MakeSourcesAsync(sources);
        var load = (await File.ReadAllTextAsync("/proc/loadavg")).Split(' ')[0];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Photos} photos and {Videos} videos, {bytes / 1e9:0.00} GB; {rounds} rounds; {Environment.ProcessorCount} processors; load before: {load}."));

        using var cluster = await PostgresCluster.StartAsync("fsync=on", "synchronous_commit=on");
        var peers = Path.Combine(EventsBench.Repository(), "tests", "Benchmarks", "peers");
        List<(string Name, Func<Task<Sample>> Run)> rows =
        [
            ("cat", () => ToolAsync("sh", "-c", $"cat * > '{output}'")),
            ("cp", () => ToolAsync("sh", "-c", $"cp * '{folder}'")),
            ("cp, then sync", () => ToolAsync("sh", "-c", $"cp * '{folder}' && sync '{folder}'/*")),
            ("zip -0", () => ToolAsync("sh", "-c", $"zip -0 -q '{output}' *")),
            ("7z -mx0", () => ToolAsync("7z", "a", "-mx0", "-bd", "-bso0", "-tzip", output, ".")),
            ("Python zipfile", () => ToolAsync("python3", "-c", Python, output)),
            ("Node archiver", () => ToolAsync("node", "-e", Node, "zip", output, peers)),
            ("ours, folder → folder", () => OursAsync(Folder(Store()), "pack-uploaded")),
            ("ours, of files without CRC", () => OursAsync(Folder(Store()), "pack")),
        ];
        if (args.Contains("--no-peers"))
        {
            rows.RemoveAll(row => row.Name is not ("cat" or "cp") && !row.Name.StartsWith("ours", StringComparison.Ordinal));
        }

        if (!args.Contains("--no-s3"))
        {
            var bucket = await CephServer.TlsBucketAsync();
            var settings = S3(bucket);
            await UploadSourcesAsync(settings, sources);
            rows.Add((RawOnS3, () => OursAsync(settings, "copy")));
            rows.Add((OursOnS3, () => OursAsync(settings, "pack")));
            rows.Add(("ours, S3 → S3, of known CRC", () => OursAsync(settings, "pack-uploaded")));
            if (!args.Contains("--no-peers"))
            {
                rows.Add((NodeOnS3, () => PeerAsync(bucket, "env", $"NODE_EXTRA_CA_CERTS={bucket.CaFile}", "node", Path.Combine(peers, "zip-s3.mjs"))));
                rows.Add((PythonOnS3, () => PeerAsync(bucket, "/usr/bin/python3", Path.Combine(peers, "zip-s3.py")))); // Debian's, which has Debian's boto3
            }
        }

        rows.RemoveAll(row => args.Contains("--s3-only") && !row.Name.Contains("S3", StringComparison.Ordinal) && row.Name is not ("cat" or "cp"));

        using var memory = new FullMemory(Path.Combine(scratch, "holes"));
        var samples = rows.ToDictionary(row => row.Name, _ => new List<Sample>());
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (name, run) in rows)
            {
                Directory.CreateDirectory(folder);
                memory.Fill();
                samples[name].Add(await run());
                Clean();
            }
        }

        Print(samples, bytes);
        await File.WriteAllTextAsync(
            Path.Combine(scratch, "..", "zip.json"),
            JsonSerializer.Serialize(new { bytes, rounds, samples }, new JsonSerializerOptions { WriteIndented = true }));
        return 0;

        void Clean()
        {
            foreach (var made in new[] { folder, Path.Combine(scratch, "store", "albums") }.Where(Directory.Exists))
            {
                Directory.Delete(made, recursive: true);
            }
        }

        // It gets the store's address and a key, and the ZIP must be there afterwards.
        async Task<Sample> PeerAsync(S3Options bucket, params string[] command)
        {
            const string Key = "albums/peer.zip";
            var address = new { endpoint = bucket.Endpoint, region = bucket.Region, bucket = bucket.Bucket, accessKey = bucket.AccessKey, secretKey = bucket.SecretKey, caFile = bucket.CaFile };
            var sample = await ToolAsync([.. command, JsonSerializer.Serialize(address), Key]);
            await using var storage = ZipBenchTools.Open(S3(bucket));
            var size = (await storage.Objects.HeadAsync(Key, default))?.SizeBytes ?? 0;
            await storage.Objects.DeleteAsync(Key, default);
            return size > bytes ? sample : throw new InvalidOperationException($"{command[0]} made a ZIP of {size} bytes.");
        }

        Task<Sample> ToolAsync(params string[] command) => ZipBenchTools.TimeAsync(sources, command);

        // Each time on a database of its own, so that no attempt finds another's events.
        async Task<Sample> OursAsync(Dictionary<string, string> settings, string mode)
        {
            var connection = await CreateDatabaseAsync(cluster);
            return await ZipBenchTools.RunSelfAsync(mode, new(settings) { ["ConnectionStrings:Postgres"] = connection });
        }
    }

    /// <summary>The folder store that all measurements share; its sources are kept between runs.</summary>
    internal static string Store() => Path.Combine(EventsBench.Repository(), "artifacts", "bench", "zip", "store");

    internal static Dictionary<string, string> Folder(string store) => new()
    {
        ["Storage:Provider"] = "Folder",
        ["Storage:Folder"] = store,
    };

    internal static async Task<string> CreateDatabaseAsync(PostgresCluster cluster)
    {
        var database = $"bench_{Guid.NewGuid():n}";
        await using var connection = new NpgsqlConnection(cluster.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"create database {database}", connection);
        await command.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(cluster.ConnectionString) { Database = database }.ConnectionString;
    }

    internal static Dictionary<string, string> S3(S3Options s3)
    {
        Dictionary<string, string> settings = new()
        {
            ["Storage:Provider"] = "S3",
            ["Storage:S3:Endpoint"] = s3.Endpoint!,
            ["Storage:S3:Region"] = s3.Region,
            ["Storage:S3:Bucket"] = s3.Bucket,
            ["Storage:S3:AccessKey"] = s3.AccessKey,
            ["Storage:S3:SecretKey"] = s3.SecretKey,
            ["Storage:S3:ForcePathStyle"] = "true",
        };
        if (s3.CaFile is { } authority)
        {
            settings["Storage:S3:CaFile"] = authority;
        }

        return settings;
    }

    internal static async Task UploadSourcesAsync(Dictionary<string, string> settings, string sources)
    {
        await using var storage = ZipBenchTools.Open(settings);
        foreach (var file in Directory.EnumerateFiles(sources))
        {
            await using var body = File.OpenRead(file);
            await storage.Objects.PutAsync($"sources/{Path.GetFileName(file)}", body, body.Length, "application/octet-stream", default);
        }
    }

    // Kept between runs. What the bytes are makes no difference to a packer that stores.
    internal static async Task<long> MakeSourcesAsync(string folder)
    {
        Directory.CreateDirectory(folder);
        var random = new Random(1);
        List<(string, int)> sizes =
        [
            .. Enumerable.Range(0, Photos).Select(i => ($"IMG_{i:0000}.jpg", random.Next(2_000_000, 8_000_000))),
            .. Enumerable.Range(0, Videos).Select(i => ($"VID_{i:0000}.mov", VideoBytes)),
        ];
        var buffer = new byte[1 << 20];
        var total = 0L;
        foreach (var (name, size) in sizes)
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path) || new FileInfo(path).Length != size)
            {
                await using var file = File.Create(path, bufferSize: 0);
                for (var left = size; left > 0; left -= buffer.Length)
                {
                    random.NextBytes(buffer);
                    await file.WriteAsync(buffer.AsMemory(0, Math.Min(left, buffer.Length)));
                }
            }

            total += size;
        }

        return total;
    }

    private static void Print(Dictionary<string, List<Sample>> samples, long bytes)
    {
        var cat = Least("cat", sample => sample.CpuSeconds);
        var cp = Least("cp", sample => sample.WallSeconds);
        Console.WriteLine($"{"",-34}{"wall s",9}{"MB/s",8}{"CPU s",9}{"RSS MB",9}{"wall / cp",11}{"CPU / cat",11}");
        foreach (var name in samples.Keys)
        {
            var wall = Least(name, sample => sample.WallSeconds);
            var cpu = Least(name, sample => sample.CpuSeconds);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name,-34}{wall,9:0.00}{bytes / wall / 1e6,8:0}{cpu,9:0.00}{samples[name].Max(sample => sample.PeakMegabytes),9:0}{wall / cp,11:0.00}{cpu / cat,11:0.00}"));
        }

        foreach (var other in new[] { RawOnS3, NodeOnS3, PythonOnS3 }.Where(samples.ContainsKey))
        {
            var ratio = Least(other, sample => sample.WallSeconds) / Least(OursOnS3, sample => sample.WallSeconds);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{OursOnS3}: {ratio:0.00} times the throughput of {other}."));
        }

        foreach (var (name, of) in samples.Where(row => row.Value[0].ShareRead is not null))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {of[0].ShareRead:0.0 %} of the album went through the process; the store copied the rest."));
        }

        double Least(string name, Func<Sample, double> of) => samples[name].Min(of);
    }
}

/// <param name="CpuSeconds">User and system time of the process and what it started; not of a server it talks to.</param>
/// <param name="PeakMegabytes">Largest resident set.</param>
/// <param name="ShareRead">Of the album's bytes, where the store may copy the others.</param>
internal sealed record Sample(double WallSeconds, double CpuSeconds, double PeakMegabytes, double? ShareRead = null);
