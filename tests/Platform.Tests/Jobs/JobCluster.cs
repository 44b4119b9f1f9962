using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Platform.Jobs;
using Testing;
using Xunit;

namespace Platform.Tests.Jobs;

/// <summary>Nodes on one database. Each is a host of its own; its wire to Postgres can be cut, as kill -9 would.</summary>
internal sealed class JobCluster(TestDatabase database) : IAsyncDisposable
{
    private readonly List<JobTestNode> nodes = [];

    internal ProbeLog Log { get; } = new();

    internal NpgsqlDataSource Database { get; } = NpgsqlDataSource.Create(database.ConnectionString);

    internal static async Task<JobCluster> CreateAsync() => new(await TestPostgres.CreateDatabaseAsync());

    internal async Task<JobTestNode> StartAsync(bool work = true, JobRetry? retry = null, int concurrency = 4)
    {
        var node = await JobTestNode.StartAsync(database.ConnectionString, Log, work, retry, concurrency);
        lock (nodes)
        {
            nodes.Add(node);
        }

        return node;
    }

    /// <summary>Returns when a query says so.</summary>
    internal async Task WaitUntilAsync(string sql)
    {
        for (var watch = Stopwatch.StartNew(); ; await Task.Delay(20, TestContext.Current.CancellationToken))
        {
            await using var query = Database.CreateCommand(sql);
            if (await query.ExecuteScalarAsync(TestContext.Current.CancellationToken) is true)
            {
                return;
            }

            Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), $"Not in a minute: {sql}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        Log.Release();
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }

        await Database.DisposeAsync();
        await database.DisposeAsync();
    }
}

internal sealed class JobTestNode : IAsyncDisposable
{
    private readonly Wire wire;
    private readonly IHost host;

    private JobTestNode(Wire wire, IHost host) => (this.wire, this.host) = (wire, host);

    internal JobQueue Queue => host.Services.GetRequiredService<JobQueue>();

    internal static async Task<JobTestNode> StartAsync(string connectionString, ProbeLog log, bool work, JobRetry? retry, int concurrency)
    {
        var target = new NpgsqlConnectionStringBuilder(connectionString);
        var wire = new Wire(target.Host!, target.Port);
        target.Host = "127.0.0.1";
        target.Port = wire.Port;
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("Jobs:Concurrency", $"{concurrency}"), new("Jobs:Turn", "0:00")]);
        builder.Services.AddSingleton(NpgsqlDataSource.Create(target));
        builder.Services.AddSingleton(log);
        builder.Services.AddJobs(builder.Configuration, work);
        builder.Services.AddJob<Probe, ProbeJob>("probe", retry: retry);
        builder.Services.AddJob<HeavyProbe, HeavyProbeJob>("heavy_probe", JobLane.Heavy, retry);
        var host = builder.Build();
        await host.StartAsync();
        return new JobTestNode(wire, host);
    }

    /// <summary>The node is gone for everybody else, without a word.</summary>
    internal void Cut() => wire.Cut();

    internal Task StopAsync() => host.StopAsync();

    /// <summary>Stops what it does as a node of the cluster, and nothing else of its host.</summary>
    internal Task StopJobsAsync() => host.Services.GetServices<IHostedService>().OfType<JobNode>().Single().StopAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        wire.Mend();
        await host.StopAsync();
        host.Dispose();
        wire.Dispose();
    }
}

internal enum Behaviour
{
    Return,
    Fail,
    FailToGiveUpOnce,
    WaitForRelease,
}

internal sealed record Probe(string Text, Behaviour Behaviour = Behaviour.Return);

/// <summary>Runs until the test releases it, or for one step, and makes room for others in between.</summary>
internal sealed record HeavyProbe(string Text, bool IsSmall = false, int Turn = 1);

/// <summary>What the jobs of all nodes of one test did, in order.</summary>
internal sealed class ProbeLog
{
    private readonly TaskCompletionSource released = new();

    internal ConcurrentQueue<(string What, string Text, DateTimeOffset At)> Entries { get; } = [];

    internal Task Released => released.Task;

    internal void Add(string what, string text) => Entries.Enqueue((what, text, DateTimeOffset.UtcNow));

    internal int Count(string what, string text) => Entries.Count(entry => entry.What == what && entry.Text == text);

    /// <summary>Lets every waiting job return.</summary>
    internal void Release() => released.TrySetResult();

    internal async Task WaitForAsync(string what, string text, int count = 1)
    {
        var until = DateTimeOffset.UtcNow.AddMinutes(1);
        while (Count(what, text) < count)
        {
            Assert.True(DateTimeOffset.UtcNow < until, $"No {count} × {what} {text} in a minute, but: {string.Join(", ", Entries)}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}

internal sealed class HeavyProbeJob(ProbeLog log, JobTurns turns, JobQueue queue) : IJob<HeavyProbe>
{
    public async Task RunAsync(HeavyProbe command, CancellationToken cancellationToken)
    {
        log.Add("run", command.Text);
        var turn = turns.Begin();
        while (!command.IsSmall && !log.Released.IsCompleted)
        {
            if (await turn.IsOverAsync(cancellationToken))
            {
                var next = command with { Turn = command.Turn + 1 };
                await queue.EnqueueAsync($"{command.Text}/{next.Turn}", next, cancellationToken);
                return;
            }

            await Task.Delay(20, cancellationToken);
        }

        log.Add("done", command.Text);
    }

    public Task GaveUpAsync(HeavyProbe command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;
}

internal sealed class ProbeJob(ProbeLog log) : IJob<Probe>
{
    public async Task RunAsync(Probe command, CancellationToken cancellationToken)
    {
        log.Add("run", command.Text);
        log.Add($"trace {Activity.Current?.TraceId} by {Activity.Current?.GetBaggageItem("by")}", command.Text);
        switch (command.Behaviour)
        {
            case Behaviour.Fail or Behaviour.FailToGiveUpOnce:
                throw new IOException("The probe fails.");
            case Behaviour.WaitForRelease:
                try
                {
                    await log.Released.WaitAsync(cancellationToken);
                }
                catch (OperationCanceledException)
                {
                    log.Add("cancelled", command.Text);
                    throw;
                }

                break;
        }

        log.Add("done", command.Text);
    }

    public Task GaveUpAsync(Probe command, Exception error, CancellationToken cancellationToken)
    {
        var before = log.Count("gave up", command.Text);
        log.Add("gave up", command.Text);
        return command.Behaviour == Behaviour.FailToGiveUpOnce && before == 0 ? throw new IOException("Not recorded.") : Task.CompletedTask;
    }
}
