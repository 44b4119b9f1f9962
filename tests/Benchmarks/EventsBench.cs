using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Platform.Events;
using Testing;

namespace Benchmarks;

/// <summary>
/// Pace and processor time of the event log on a Postgres of its own that really waits for the disk, beside what Marten 9.29 took for the same
/// on this class of machine (docs/adr/0002-event-store.md says how that was measured).
/// </summary>
internal static class EventsBench
{
    private const int CatchUpEvents = 100_000;

    internal static async Task<int> RunAsync(string[] args)
    {
        using var cluster = await PostgresCluster.StartAsync("fsync=on", "synchronous_commit=on", "max_wal_size=4GB");
        await using var node = await StartAsync(cluster, _ => { });
        var processor = new ProcessorTime(cluster.ProcessId);
        List<Line> lines = [];

        Console.WriteLine($"Processors: {Environment.ProcessorCount}. Load before: {(await File.ReadAllTextAsync("/proc/loadavg")).Split(' ')[0]}.");

        await AddAsync("append 1 event, 1 writer", 255, 1_200, 570, 2_000, () => AppendAsync(node.Store, streams: 1, appends: 2_000, size: 1));
        await AddAsync("append 1 event, 8 writers", 1_600, 348, 385, 16_000, () => AppendAsync(node.Store, streams: 8, appends: 2_000, size: 1));
        await AddAsync("append 10 events, 1 writer", 4_230, 70, 73, 20_000, () => AppendAsync(node.Store, streams: 1, appends: 2_000, size: 10));
        await AddAsync("append 10 events, 8 writers", 12_100, null, null, 80_000, () => AppendAsync(node.Store, streams: 8, appends: 1_000, size: 10));

        await AppendAsync(node.Store, "long", appends: 100, size: 100);
        await AddAsync("fold 10,000 events", 303_000, null, null, 200_000, async () =>
        {
            for (var i = 0; i < 20; i++)
            {
                await FoldAsync(node.Database);
            }
        });
        await AddAsync("fold 10,000 events, kept", null, null, null, 2_000, async () =>
        {
            for (var i = 0; i < 2_000; i++)
            {
                await node.Store.FoldAsync<Archive, EntryZipped>("long", CancellationToken.None);
            }
        });

        await AppendAsync(node.Store, "backlog", appends: CatchUpEvents / 1_000, size: 1_000);
        await ExecuteAsync(node.Database, $"""
            insert into platform.subscription (name, transaction_id, seq_id)
            select '{Count.TheName}', transaction_id, seq_id from mt_events order by transaction_id desc, seq_id desc offset {CatchUpEvents} limit 1
            """);
        await MeasureAsync("catch up with 100,000", 34_600, null, null, CatchUpEvents, async () =>
        {
            await using var worker = await StartAsync(cluster, services => services.AddSubscription<Count>());
            await worker.Services.GetRequiredService<Count>().Reached.Task;
        });

        Print(lines);
        await SaveAsync(lines);
        return 0;

        // The first time compiles, connects and prepares.
        async Task AddAsync(string name, double? martenRate, double? martenClient, double? martenServer, int events, Func<Task> work)
        {
            await work();
            await MeasureAsync(name, martenRate, martenClient, martenServer, events, work);
        }

        async Task MeasureAsync(string name, double? martenRate, double? martenClient, double? martenServer, int events, Func<Task> work)
        {
            var spent = await processor.MeasureAsync(work);
            lines.Add(new Line(
                name,
                events / spent.Wall.TotalSeconds,
                spent.Client.TotalMicroseconds / events,
                spent.Server.TotalMicroseconds / events,
                martenRate,
                martenClient,
                martenServer));
        }
    }

    private static Task AppendAsync(EventStore store, int streams, int appends, int size) =>
        Task.WhenAll(Enumerable.Range(0, streams).Select(_ => AppendAsync(store, Guid.CreateVersion7(), appends, size)));

    private static async Task AppendAsync(EventStore store, StreamId id, int appends, int size)
    {
        var folded = new Folded<Archive>(Archive.Initial, 0);
        for (var i = 0; i < appends; i++)
        {
            var entries = new EntryZipped[size];
            for (var j = 0; j < size; j++)
            {
                entries[j] = new EntryZipped((i * size) + j, i * 4_000_000L, 4_000_000, (uint)(i * 2_654_435_761), $"photos/IMG_{i:0000}.jpg");
            }

            folded = await store.AppendAsync<Archive, EntryZipped>(id, folded, entries, CancellationToken.None);
        }
    }

    // A new store has kept no state.
    private static async Task FoldAsync(NpgsqlDataSource database)
    {
        using var store = new EventStore(database, new EventTypes().Map<EntryZipped>("entry_zipped"), TimeProvider.System);
        var folded = await store.FoldAsync<Archive, EntryZipped>("long", CancellationToken.None);
        if (folded is not { Version: 10_000, State.Entries: 10_000 })
        {
            throw new InvalidOperationException($"It folded to {folded}.");
        }
    }

    private static Task<EventsHost> StartAsync(PostgresCluster cluster, Action<IServiceCollection> configure) =>
        EventsHost.StartAsync(cluster.ConnectionString, services => configure(services.AddEventTypes(types => types.Map<EntryZipped>("entry_zipped"))));

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static void Print(List<Line> lines)
    {
        Console.WriteLine($"{"",-28}{"events/s",10}{"Marten",9}{"ratio",7}{"CPU µs/event (client + Postgres)",36}{"Marten",14}{"ratio",7}");
        foreach (var line in lines)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
                {line.Name,-28}{line.EventsPerSecond,10:0}{line.MartenEventsPerSecond,9:0}{line.PaceRatio,7:0.00}{line.ClientMicroseconds,24:0.0} + {line.ServerMicroseconds,-9:0.0}{line.MartenClientMicroseconds,7:0} + {line.MartenServerMicroseconds,-4:0}{line.ProcessorRatio,7:0.00}
                """));
        }

        Console.WriteLine("Ratios: pace ours / Marten's, more is better; CPU ours / Marten's, less is better.");
    }

    private static async Task SaveAsync(List<Line> lines)
    {
        var folder = Path.Combine(Repository(), "artifacts", "bench");
        Directory.CreateDirectory(folder);
        await using var file = File.Create(Path.Combine(folder, "events.json"));
        await JsonSerializer.SerializeAsync(file, lines, new JsonSerializerOptions { WriteIndented = true });
    }

    internal static string Repository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Monolith.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Run it within the repository.");
        }

        return folder;
    }

    private sealed record Line(
        string Name,
        double EventsPerSecond,
        double ClientMicroseconds,
        double ServerMicroseconds,
        double? MartenEventsPerSecond,
        double? MartenClientMicroseconds,
        double? MartenServerMicroseconds)
    {
        public double? PaceRatio => EventsPerSecond / MartenEventsPerSecond;

        public double? ProcessorRatio => (ClientMicroseconds + ServerMicroseconds) / (MartenClientMicroseconds + MartenServerMicroseconds);
    }

    private sealed record EntryZipped(int Index, long OffsetBytes, long SizeBytes, uint Crc32, string Name);

    private sealed record Archive(int Entries, long SizeBytes) : IState<Archive, EntryZipped>
    {
        public static string Category => "archive";

        public static Archive Initial => new(0, 0);

        public static Archive Evolve(Archive state, EntryZipped e) => new(state.Entries + 1, state.SizeBytes + e.SizeBytes);
    }

    private sealed class Count : ISubscription
    {
        public const string TheName = "count";

        private int seen;

        public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Name => TheName;

        public IReadOnlyCollection<Type> Handles => [typeof(EntryZipped)];

        public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken)
        {
            if (++seen == CatchUpEvents)
            {
                Reached.SetResult();
            }

            return Task.CompletedTask;
        }
    }
}
