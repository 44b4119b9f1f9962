using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;
using Testing;

namespace Benchmarks;

/// <summary>
/// 1 GiB taken by the real host as chunks and by tus, beside Kestrel that writes a body to a file and does nothing else, @tus/server and nginx: files
/// of 256 MiB one after the other, and of 64 MiB four at once. Rounds are interleaved. What counts is the processor time of the server: the client
/// shares the machine. Then: memory with a file of 11 GiB and with 200 uploads held, and events and SQL statements for each chunk.
/// </summary>
/// <remarks><c>./bench upload [--throughput] [--memory] [--held] [--statements] [--rounds N] [--streams N]</c></remarks>
internal static class UploadBench
{
    private const long OneGibibyte = 1L << 30;
    private const long StepBytes = OneGibibyte / 4;
    private const int Held = 200;
    private const string TusPath = "/v1/tus?userRole=member&userId=bench";

    internal static async Task<int> RunAsync(string[] args)
    {
        // Where nothing is named, all is measured.
        var (rounds, streams) = (NumberAfter("--rounds") ?? 3, NumberAfter("--streams"));
        var parts = args.Where(arg => arg is not ("--rounds" or "--streams") && !char.IsAsciiDigit(arg[0])).Select(arg => arg.TrimStart('-')).ToHashSet();
        var folder = Directory.CreateTempSubdirectory("upload-bench-").FullName;
        using var cluster = await PostgresCluster.StartAsync("shared_preload_libraries=pg_stat_statements");
        var database = await ZipBench.CreateDatabaseAsync(cluster);
        var results = new Dictionary<string, object>();
        try
        {
            await using var host = await BenchServer.StartHostAsync(Path.Combine(folder, "ours"), database);
            if (Wants("memory"))
            {
                results["memory"] = await MemoryAsync(host);
            }

            if (Wants("held"))
            {
                results["held"] = await HeldAsync(host);
            }

            if (Wants("statements"))
            {
                var asked = await ZipBench.CreateDatabaseAsync(cluster);
                await using var web = await BenchServer.StartHostAsync(Path.Combine(folder, "web"), asked, roles: "web");
                results["statements"] = await StatementsAsync(web, asked);
            }

            if (Wants("throughput"))
            {
                results["throughput"] = await ThroughputAsync(host, cluster, folder, rounds, streams is { } one ? [one] : [1, 4]);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        await File.WriteAllTextAsync(
            Path.Combine(EventsBench.Repository(), "artifacts", "bench", "upload.json"),
            JsonSerializer.Serialize(results, new JsonSerializerOptions { WriteIndented = true }));
        return 0;

        bool Wants(string part) => parts.Count == 0 || parts.Contains(part);

        int? NumberAfter(string name) => args.SkipWhile(arg => arg != name).Skip(1).Select(arg => int.Parse(arg, CultureInfo.InvariantCulture)).Cast<int?>().FirstOrDefault();
    }

    private static async Task<object> ThroughputAsync(BenchServer host, PostgresCluster cluster, string folder, int rounds, int[] streamCounts)
    {
        await using var raw = await BenchServer.StartRawAsync(Path.Combine(folder, "raw"), isDurable: false);
        await using var durable = await BenchServer.StartRawAsync(Path.Combine(folder, "durable"), isDurable: true);
        await using var tus = await BenchServer.StartTusAsync(Path.Combine(folder, "tus"));
        await using var nginx = await BenchServer.StartNginxAsync(Path.Combine(folder, "nginx"));
        (string Name, BenchServer Server, Func<BenchServer, long, Task> Send)[] ways =
        [
            ("ours, chunks", host, UploadClients.ChunksAsync),
            ("ours, tus", host, (server, size) => UploadClients.TusAsync(server, TusPath, size)),
            ("raw Kestrel -> file", raw, UploadClients.PutAsync),
            ("the same, fsync", durable, UploadClients.PutAsync),
            ("@tus/server", tus, (server, size) => UploadClients.TusAsync(server, "/files", size)),
            ("nginx DAV PUT", nginx, UploadClients.PutAsync),
        ];
        foreach (var way in ways)
        {
            // Compiled, and compiled again: the runtime goes on with that in the background for some seconds after code became hot.
            for (var warm = 0; warm < 4; warm++)
            {
                await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => way.Send(way.Server, StepBytes / 4)));
                way.Server.Clear();
            }
        }

        var postgres = new ProcessorTime(cluster.ProcessId);
        var samples = new List<(string Name, int Streams, Spent Spent, TimeSpan Postgres)>();
        for (var round = 0; round < rounds; round++)
        {
            foreach (var streams in streamCounts)
            {
                foreach (var way in ways)
                {
                    await TouchPagesAsync(folder);
                    Spent spent = default;
                    var database = await postgres.MeasureAsync(async () => spent = await new ProcessorTime(way.Server.ProcessId).MeasureAsync(async () =>
                    {
                        for (var sent = 0L; sent < OneGibibyte; sent += StepBytes)
                        {
                            await Task.WhenAll(Enumerable.Range(0, streams).Select(_ => way.Send(way.Server, StepBytes / streams)));
                            way.Server.Clear();
                        }
                    }));
                    samples.Add((way.Name, streams, spent, database.Server));
                }
            }
        }

        Console.WriteLine($"1 GiB, the least of {rounds} rounds: what came on top was the machine's");
        Console.WriteLine($"{"",-22}{"streams",8}{"MB/s",8}{"CPU s",8}{"MB/CPU s",10}{"of raw",8}{"Postgres s",12}{"peak RSS",10}");
        var rows = new List<object>();
        foreach (var streams in streamCounts)
        {
            var limit = Least(samples.Where(sample => sample.Name == ways[2].Name && sample.Streams == streams).Select(sample => sample.Spent.Server));
            foreach (var way in ways)
            {
                var of = samples.Where(sample => sample.Name == way.Name && sample.Streams == streams).ToArray();
                var (wall, cpu, database) = (Least(of.Select(s => s.Spent.Wall)), Least(of.Select(s => s.Spent.Server)), Least(of.Select(s => s.Postgres)));
                var row = new
                {
                    way.Name,
                    streams,
                    megabytesPerSecond = OneGibibyte / 1e6 / wall,
                    cpuSeconds = cpu,
                    megabytesPerCpuSecond = OneGibibyte / 1e6 / cpu,
                    ofRaw = limit / cpu,
                    postgresSeconds = way.Server == host ? database : 0,
                    peakMegabytes = ZipBenchTools.PeakMegabytes(way.Server.ProcessId),
                };
                rows.Add(row);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{row.Name,-22}{streams,8}{row.megabytesPerSecond,8:0}{cpu,8:0.00}{row.megabytesPerCpuSecond,10:0}{row.ofRaw,8:0.00}{row.postgresSeconds,12:0.00}{row.peakMegabytes,10:0}"));
            }
        }

        return rows;

        static double Least(IEnumerable<TimeSpan> times) => times.Min().TotalSeconds;
    }

    /// <summary>
    /// Fills as much of the page cache as a step will, and frees it: the first to use a page of a virtual machine pays for having it, several times
    /// what a copy costs, and a page that was free for two seconds may have been given back. So a row goes by steps whose files are deleted at once.
    /// </summary>
    private static async Task TouchPagesAsync(string folder)
    {
        var block = new byte[1 << 20];
        var path = Path.Combine(folder, "pages");
        await using (var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            for (var written = 0L; written < StepBytes * 5 / 4; written += block.Length)
            {
                await file.WriteAsync(block);
            }
        }

        File.Delete(path);
    }

    private static async Task<object> MemoryAsync(BenchServer host)
    {
        const long Size = 11 * OneGibibyte;
        var started = ZipBenchTools.PeakMegabytes(host.ProcessId);
        await UploadClients.ChunksAsync(host, 64 << 20);
        var idle = ZipBenchTools.PeakMegabytes(host.ProcessId);
        var watch = Stopwatch.StartNew();
        await UploadClients.ChunksAsync(host, Size, inParallel: 4);
        var (chunks, wall) = (ZipBenchTools.PeakMegabytes(host.ProcessId), watch.Elapsed);
        host.Clear();
        watch.Restart();
        await UploadClients.TusAsync(host, TusPath, Size);
        var tus = ZipBenchTools.PeakMegabytes(host.ProcessId);
        host.Clear();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"A file of 11 GiB, peak RSS MiB: {started:0} when the host had started, {idle:0} after the first 64 MiB, {chunks:0} after four chunks at a time ({wall.TotalSeconds:0.0} s), {tus:0} then by tus in one request ({watch.Elapsed.TotalSeconds:0.0} s)."));
        return new { sizeBytes = Size, startedMegabytes = started, idleMegabytes = idle, chunksMegabytes = chunks, tusMegabytes = tus };
    }

    private static async Task<object> HeldAsync(BenchServer host)
    {
        var before = ZipBenchTools.PeakMegabytes(host.ProcessId);
        var taken = await UploadClients.HoldAsync(host, Held);
        var row = new { uploads = Held, taken, beforeMegabytes = before, peakMegabytes = ZipBenchTools.PeakMegabytes(host.ProcessId) };
        host.Clear();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Held} uploads held half-way at once, then finished: {taken} taken, peak RSS {row.peakMegabytes:0} MiB after {before:0} MiB before."));
        return row;
    }

    /// <summary>
    /// What the database is asked for each chunk by a node that takes uploads. No subscription wants to know of chunks: on nodes with the role
    /// <c>worker</c> each looks once a second, whether chunks come or not.
    /// </summary>
    private static async Task<object> StatementsAsync(BenchServer host, string database)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await ExecuteAsync("create extension if not exists pg_stat_statements");
        await UploadClients.ChunksAsync(host, StepBytes);
        await ExecuteAsync("select pg_stat_statements_reset()");
        var eventsBefore = await EventsAsync();
        await UploadClients.ChunksAsync(host, OneGibibyte);
        host.Clear();
        var chunks = OneGibibyte / UploadClients.ChunkBytes;
        var statements = new List<(double PerChunk, string Query)>();
        await using var command = source.CreateCommand(
            "select s.calls, s.query from pg_stat_statements s join pg_database d on d.oid = s.dbid where d.datname = current_database() order by s.calls desc");
        await using (var rows = await command.ExecuteReaderAsync())
        {
            while (await rows.ReadAsync())
            {
                statements.Add(((double)rows.GetInt64(0) / chunks, string.Join(' ', rows.GetString(1).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))));
            }
        }

        var (events, all) = ((double)(await EventsAsync() - eventsBefore) / chunks, statements.Sum(statement => statement.PerChunk));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"For each of {chunks} chunks {events:0.00} events and {all:0.00} statements, beginning and completion among them:"));
        foreach (var (perChunk, query) in statements.Take(5))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{perChunk,8:0.00}  {query[..Math.Min(query.Length, 110)]}"));
        }

        return new { chunks, events, all, statements = statements.Select(statement => new { statement.PerChunk, statement.Query }) };

        async Task ExecuteAsync(string sql)
        {
            await using var execute = source.CreateCommand(sql);
            await execute.ExecuteNonQueryAsync();
        }

        async Task<long> EventsAsync()
        {
            await using var count = source.CreateCommand("select count(*) from mt_events");
            return (long)(await count.ExecuteScalarAsync())!;
        }
    }
}
