using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Platform.Jobs;

/// <summary>
/// Does now and then what time alone makes due. Every worker sweeps: what is to be done is decided on streams, so it is done once.
/// </summary>
public abstract class Sweep(TimeSpan interval, TimeProvider clock, ILogger log) : BackgroundService
{
    /// <summary>One pass. What fails is left for the next one.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var id in await DueAsync(clock.GetUtcNow(), cancellationToken))
        {
            try
            {
                await HandleAsync(id, cancellationToken);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                // Whatever is wrong with one, the others and the host go on.
                log.NotSwept(e, id);
            }
        }
    }

    /// <summary>What may be due, from a read model. Too many cost a look at their streams, none is lost.</summary>
    protected abstract Task<IReadOnlyList<Guid>> DueAsync(DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Does what is due, if it still is.</summary>
    protected abstract Task HandleAsync(Guid id, CancellationToken cancellationToken);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval, clock);
        do
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (NpgsqlException e)
            {
                log.SweepFailed(e, GetType().Name);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
