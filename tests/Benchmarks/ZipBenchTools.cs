using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Albums;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Platform.Events;
using Platform.Jobs;
using Platform.Mail;
using Platform.Storage;
using Platform.Webhooks;
using Testing;
using Uploads;
using Uploads.Contracts;
using Weddings;

namespace Benchmarks;

/// <summary>Runs what is measured in processes of their own, and measures them.</summary>
internal static class ZipBenchTools
{
    private const int PartBytes = 8 << 20;
    private const int Parallel4 = 4;

    /// <summary>Runs a tool in a folder. Its time is what the shell reports of it and its children.</summary>
    internal static async Task<Sample> TimeAsync(string folder, string[] command)
    {
        var start = new ProcessStartInfo("bash", ["-c", "TIMEFORMAT='%3R %3U %3S'; time \"$@\"", "bash", .. command])
        {
            WorkingDirectory = folder,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var peak = 0.0;
        while (!process.HasExited)
        {
            peak = Math.Max(peak, ChildrenOf(process.Id).Select(PeakMegabytes).DefaultIfEmpty().Max());
            await Task.Delay(20);
        }

        var lines = (await errors).TrimEnd().Split('\n');
        var times = lines[^1].Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray();
        return process.ExitCode == 0
            ? new Sample(times[0], times[1] + times[2], peak)
            : throw new InvalidOperationException($"{command[0]} failed: {string.Join('\n', lines)}");
    }

    /// <summary>Runs this program again in one of the modes of <see cref="RunModeAsync"/>.</summary>
    internal static async Task<Sample> RunSelfAsync(string mode, Dictionary<string, string> settings)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [.. SelfArguments(), mode, JsonSerializer.Serialize(settings)]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? JsonSerializer.Deserialize<Sample>(output.TrimEnd().Split('\n')[^1])!
            : throw new InvalidOperationException($"{mode} failed: {output}");
    }

    /// <summary>
    /// In the child: <c>pack</c> makes an album of all sources as a worker does; <c>pack-uploaded</c> does, where the files came through Uploads
    /// and have known CRCs; <c>copy</c> only reads and writes the same bytes.
    /// </summary>
    internal static async Task<int> RunModeAsync(string mode, string settings)
    {
        await using var node = Open(JsonSerializer.Deserialize<Dictionary<string, string>>(settings)!);
        if (mode == "pack-uploaded")
        {
            await node.AnnounceAsync("sources/");
        }

        if (mode != "copy")
        {
            await WarmUpAsync(node);
        }

        (Guid? Album, Func<Task> Run) work = mode == "copy" ? (null, () => CopyAsync(node.Objects)) : await node.PreparePackingAsync("sources/");
        using var self = Process.GetCurrentProcess();
        var before = self.TotalProcessorTime;
        var watch = Stopwatch.StartNew();
        await work.Run();
        watch.Stop();
        self.Refresh();
        Console.WriteLine(JsonSerializer.Serialize(
            new Sample(
                watch.Elapsed.TotalSeconds,
                (self.TotalProcessorTime - before).TotalSeconds,
                PeakMegabytes(self.Id),
                work.Album is { } id ? await node.ShareReadAsync(id) : null)));
        return 0;
    }

    // A host has compiled its code long ago; it does so in steps, the last of them in the background.
    private static async Task WarmUpAsync(StorageNode node)
    {
        for (var album = 0; album < 10; album++)
        {
            await (await node.PreparePackingAsync($"sources/IMG_00{album}")).Pack();
        }

        using var self = Process.GetCurrentProcess();
        TimeSpan before;
        do
        {
            before = self.TotalProcessorTime;
            await Task.Delay(TimeSpan.FromSeconds(1));
            self.Refresh();
        }
        while (self.TotalProcessorTime - before > TimeSpan.FromMilliseconds(50));
    }

    internal static StorageNode Open(Dictionary<string, string> settings) => new(settings);

    // The limit: parts of the same size, as many at a time as the packer has, and nothing done with the bytes.
    private static async Task CopyAsync(IObjectStorage storage)
    {
        var sources = (await storage.ListAsync("sources/", null, default)).Objects;
        var parts = new List<(StoredObject Source, ByteRange Range, PartSlot Slot)>();
        var total = sources.Sum(source => source.SizeBytes);
        var upload = await storage.BeginMultipartAsync("albums/copy", "application/octet-stream", default);
        var carried = new List<(StoredObject Source, ByteRange Range)>();
        var offset = 0L;
        var slots = new List<(PartSlot Slot, List<(StoredObject Source, ByteRange Range)> Ranges)>();
        foreach (var source in sources)
        {
            for (var at = 0L; at < source.SizeBytes;)
            {
                var room = PartBytes - carried.Sum(range => range.Range.SizeBytes);
                var range = new ByteRange(at, Math.Min(room, source.SizeBytes - at));
                carried.Add((source, range));
                at += range.SizeBytes;
                if (range.SizeBytes == room || (source == sources[^1] && at == source.SizeBytes))
                {
                    var size = carried.Sum(piece => piece.Range.SizeBytes);
                    slots.Add((new PartSlot(slots.Count + 1, offset, size), carried));
                    offset += size;
                    carried = [];
                }
            }
        }

        var stored = new StoredPart[slots.Count];
        await Parallel.ForEachAsync(slots, new ParallelOptions { MaxDegreeOfParallelism = Parallel4 }, async (slot, cancel) =>
        {
            var buffer = new byte[slot.Slot.SizeBytes];
            var done = 0;
            foreach (var (source, range) in slot.Ranges)
            {
                await using var body = await storage.ReadAsync(source.Key, range, source.ETag, cancel);
                await body.ReadExactlyAsync(buffer.AsMemory(done, (int)range.SizeBytes), cancel);
                done += (int)range.SizeBytes;
            }

            await using var part = new BufferBody(buffer, Crc32.Append(0, buffer));
            stored[slot.Slot.Number - 1] = await storage.PutPartAsync(upload, slot.Slot, part, cancel);
        });
        await storage.CompleteMultipartAsync(upload, stored, default);
    }

    // Started by `dotnet Benchmarks.dll` or by its own executable.
    private static string[] SelfArguments() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(ZipBenchTools).Assembly.Location] : [];

    private static IEnumerable<int> ChildrenOf(int process)
    {
        var file = $"/proc/{process}/task/{process}/children";
        return (Read(file) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(child => int.Parse(child, CultureInfo.InvariantCulture))
            .SelectMany(child => ChildrenOf(child).Prepend(child));
    }

    /// <summary>Largest resident set so far, in MiB.</summary>
    internal static double PeakMegabytes(int process) =>
        (Read($"/proc/{process}/status") ?? "").Split('\n').FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)) is { } line
            ? double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024
            : 0;

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return null; // it has ended
        }
    }
}

/// <summary>A node as the host wires it, without its web server.</summary>
/// <param name="around">What stands between the node and its store.</param>
internal sealed class StorageNode(Dictionary<string, string> settings, Func<IObjectStorage, IObjectStorage>? around = null) : IAsyncDisposable
{
    // Jobs are queued and nobody runs them: an attempt makes no room for them.
    private readonly IConfiguration configuration = new ConfigurationBuilder()
        .AddInMemoryCollection(settings!)
        .AddInMemoryCollection([new("Jobs:Turn", "1.00:00:00")])
        .Build();

    private readonly ServiceProvider storage = new ServiceCollection()
        .AddStorage(new ConfigurationBuilder().AddInMemoryCollection(settings!).Build())
        .BuildServiceProvider();

    private EventsHost? host;

    internal IObjectStorage Objects => storage.GetRequiredService<IObjectStorage>();

    /// <summary>Lets Uploads have said that these files are complete, each with its CRC.</summary>
    internal async Task AnnounceAsync(string prefix)
    {
        foreach (var file in (await Objects.ListAsync(prefix, null, default)).Objects)
        {
            var crc32 = 0u;
            var buffer = new byte[1 << 20];
            await using (var body = await Objects.ReadAsync(file.Key, null, file.ETag, default))
            {
                for (int read; (read = await body.ReadAsync(buffer)) > 0;)
                {
                    crc32 = Crc32.Append(crc32, buffer.AsSpan(0, read));
                }
            }

            var completed = new UploadCompleted(
                Guid.CreateVersion7(), "bench", file.Key, Path.GetFileName(file.Key), file.SizeBytes, crc32, "image/jpeg", file.ETag, file.ModifiedAt);
            await (await StartAsync()).Store.DecideAsync<AnyUpload, UploadCompleted>(completed.UploadId, _ => [completed], default);
        }
    }

    /// <summary>Requests an album of the files under a prefix, each by its key; the job itself is returned, to be measured.</summary>
    internal async Task<(Guid Album, Func<Task> Pack)> PreparePackingAsync(string prefix)
    {
        var id = await RequestAsync(await FilesAsync(prefix));
        return (id, () => PackWholeAsync(id));
    }

    private async Task PackWholeAsync(Guid id)
    {
        await PackAsync(id, CancellationToken.None);
        if ((await AlbumAsync(id)).Completed is null)
        {
            throw new InvalidOperationException("The album is not complete.");
        }
    }

    /// <summary>How much of an album's bytes went through this process.</summary>
    internal async Task<double> ShareReadAsync(Guid id)
    {
        var copied = 0L;
        await foreach (var e in host!.Store.ReadAsync($"album-{id}", 1, default))
        {
            copied += (e.Payload as WorkMetered)?.BytesCopied ?? 0;
        }

        return 1 - ((double)copied / (await AlbumAsync(id)).Completed!.SizeBytes);
    }

    /// <summary>Requests an album and plans it, as who downloads it first does.</summary>
    internal async Task<Guid> PlanAsync(IReadOnlyList<RequestedFile> files)
    {
        var id = await RequestAsync(files);
        return (await host!.Services.GetRequiredService<PlanAlbumHandler>().PlanAsync(new PlanAlbum(id), default)).IsDownloadable
            ? id
            : throw new InvalidOperationException("The album cannot be downloaded at once.");
    }

    internal async Task<IReadOnlyList<RequestedFile>> FilesAsync(string prefix) =>
        [.. (await Objects.ListAsync(prefix, null, default)).Objects.Select(file => new RequestedFile(file.Key, null))];

    internal Task<Guid> RequestAsync(string prefix) => RequestAsync(new AlbumRequested("bench", [], prefix, [], DateTimeOffset.UnixEpoch));

    internal Task AppendAsync(Guid id, IReadOnlyList<IAlbumEvent> events) => host!.Store.DecideAsync<Album, IAlbumEvent>(id, _ => events, default);

    /// <summary>One attempt, as a worker makes it.</summary>
    internal Task PackAsync(Guid id, CancellationToken cancellationToken) =>
        ActivatorUtilities.CreateInstance<ZipAlbumHandler>(host!.Services, NullLogger<ZipAlbumHandler>.Instance)
            .RunAsync(new ZipAlbum(id), cancellationToken);

    internal async Task<Album> AlbumAsync(Guid id) => (await host!.Store.FoldAsync<Album, IAlbumEvent>(id, default)).State;

    private Task<Guid> RequestAsync(IReadOnlyList<RequestedFile> files) => RequestAsync(new AlbumRequested("bench", files, null, [], DateTimeOffset.UnixEpoch));

    private async Task<Guid> RequestAsync(AlbumRequested requested)
    {
        await StartAsync();
        var id = Guid.CreateVersion7();
        await AppendAsync(id, [requested]);
        return id;
    }

    private async Task<EventsHost> StartAsync() =>
        host ??= await EventsHost.StartAsync(configuration.GetConnectionString("Postgres")!, services => services
            .AddJobs(configuration, work: false)
            .AddSingleton(around?.Invoke(Objects) ?? Objects)
            .AddMail(new ConfigurationBuilder().AddInMemoryCollection([new("Mail:Folder", Path.GetTempPath())]).Build())
            .AddWebhooks(configuration)
            .AddUploads(configuration, work: false)
            .AddWeddings(configuration)
            .AddAlbums(configuration, work: false));

    public async ValueTask DisposeAsync()
    {
        await (host?.DisposeAsync() ?? ValueTask.CompletedTask);
        await storage.DisposeAsync();
    }

    private sealed record AnyUpload : IState<AnyUpload, UploadCompleted>
    {
        public static string Category => "upload";

        public static AnyUpload Initial { get; } = new();

        public static AnyUpload Evolve(AnyUpload state, UploadCompleted e) => state;
    }
}
