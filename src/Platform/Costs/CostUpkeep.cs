using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Platform.Costs;

/// <summary>Meters the store once a day and looks for alerts every hour. Every worker does; streams see to it that each comes once.</summary>
internal sealed class CostUpkeep(MeterStorage meter, WatchCosts watch, TimeProvider clock, ILogger<CostUpkeep> log) : BackgroundService
{
    // A start is busy enough, and read models have to catch up first.
    private static readonly TimeSpan First = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(First, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            timer.Period = Interval;
            try
            {
                await meter.MeterAsync(stoppingToken);
                await watch.WatchAsync(stoppingToken);
            }
            catch (NpgsqlException e)
            {
                log.CostsNotWatched(e);
            }
        }
    }
}
