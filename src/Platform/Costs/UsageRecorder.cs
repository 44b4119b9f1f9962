using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.Events;

namespace Platform.Costs;

/// <summary>
/// Brings the ledger of this process into the log: now and then, when a job asks for it, and at the end of the process. A process that is
/// killed loses what it used since the last time; nothing is ever counted twice.
/// </summary>
public sealed class UsageRecorder : BackgroundService
{
    private readonly UsageLedger ledger;
    private readonly EventStore store;
    private readonly TimeSpan interval;
    private readonly TimeProvider clock;
    private readonly ILogger<UsageRecorder> log;
    private readonly string node = $"{Environment.MachineName}/{Environment.ProcessId}";
    private readonly Guid process = Guid.CreateVersion7();
    private readonly SemaphoreSlim turn = new(1);
    private readonly Lock ending = new();
    private (string Stream, UsageMetered Usage)? pending;
    private Task? end;
    private long number;

    internal UsageRecorder(UsageLedger ledger, EventStore store, CostOptions options, TimeProvider clock, ILogger<UsageRecorder> log) =>
        (this.ledger, this.store, interval, this.clock, this.log) = (ledger, store, options.RecordEvery, clock, log);

    /// <summary>Records what was used so far. Where that fails nothing is lost: the next time records it.</summary>
    public async Task RecordAsync(CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            await AppendAsync(cancellationToken); // what failed before may have been written all the same: the same again, under the same number
            pending = Take();
            await AppendAsync(cancellationToken);
        }
        catch (NpgsqlException e)
        {
            log.UsageNotRecorded(e);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <inheritdoc/>
    public override Task StopAsync(CancellationToken cancellationToken)
    {
        // A host may be stopped by two at a time, and its services are disposed once the first of them is done.
        lock (ending)
        {
            return end ??= EndAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        turn.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval, clock);
        var tick = timer.WaitForNextTickAsync(stoppingToken).AsTask();
        var asked = ledger.Asked.WaitToReadAsync(stoppingToken).AsTask();
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.WhenAny(tick, asked);
            if (tick.IsCompletedSuccessfully)
            {
                tick = timer.WaitForNextTickAsync(stoppingToken).AsTask();
            }

            if (ledger.Asked.TryRead(out _))
            {
                asked = ledger.Asked.WaitToReadAsync(stoppingToken).AsTask();
            }

            await RecordAsync(stoppingToken);
        }
    }

    private async Task EndAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await RecordAsync(cancellationToken);
    }

    private async Task AppendAsync(CancellationToken cancellationToken)
    {
        if (pending is var (stream, usage))
        {
            await store.DecideAsync<ProcessUsage, UsageMetered>(
                stream, state => state.LastNumber < usage.Number ? [usage] : [], cancellationToken);
            pending = null;
        }
    }

    private (string Stream, UsageMetered Usage)? Take()
    {
        if (ledger.Take() is not { Count: > 0 } lines)
        {
            return null;
        }

        var now = clock.GetUtcNow();
        return (
            string.Create(CultureInfo.InvariantCulture, $"{now.UtcDateTime:yyyyMMdd}-{process}"),
            new UsageMetered(++number, node, lines, now));
    }
}
