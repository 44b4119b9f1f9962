using System.Data;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Platform.Events;

/// <summary>
/// Runs one subscription on this node while no other node does. The right to run it is a lock of the database session that also
/// writes, so a node that lost the lock has lost its transaction too.
/// </summary>
internal sealed partial class SubscriptionWorker(
    ISubscription subscription, NpgsqlDataSource database, EventStore store, LogReader log, EventOptions options, ILogger<SubscriptionWorker> logger)
    : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    // How soon after a signal that showed nothing yet: an older transaction hides what came, until it ends.
    private static readonly TimeSpan SecondLook = TimeSpan.FromMilliseconds(50);

    // While a transaction runs, no subscription sees what was written after it began.
    private static readonly TimeSpan LongestBatch = TimeSpan.FromMilliseconds(250);

    private readonly SubscriptionTable table = new(subscription.Name);
    private readonly string[] names = log.NamesOf(subscription);
    private readonly string? schema = (subscription as IProjection)?.Schema;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = PollInterval;
        while (options.Work && !stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RunWhereNobodyElseDoesAsync(() => pause = PollInterval, stoppingToken);
                pause = PollInterval;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (NpgsqlException e)
            {
                LogInterrupted(logger, subscription.Name, pause, e);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }

            await Task.Delay(pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunWhereNobodyElseDoesAsync(Action progressed, CancellationToken stoppingToken)
    {
        await using var connection = await database.OpenConnectionAsync(stoppingToken);
        if (!await SubscriptionTable.TryLockAsync(connection, subscription.Name, stoppingToken))
        {
            return;
        }

        try
        {
            var (signal, isSignalled) = (Task.CompletedTask, false);
            while (true)
            {
                // Of its own types only: most events concern few subscriptions. One that has not come is kept, for many may never come.
                signal = signal.IsCompleted ? NextSignal() : signal;
                var (position, error) = await table.ReadAsync(connection, stoppingToken);
                if (error is not null)
                {
                    await LogSignals.WaitAsync(signal, PollInterval, stoppingToken);
                    continue;
                }

                var page = await LogReader.ReadAsync(connection, names, position, stoppingToken);
                EventMeters.Lag.Record(page.LagFrom(position), new KeyValuePair<string, object?>("subscription", subscription.Name));
                if (page.End <= position)
                {
                    isSignalled = await LogSignals.WaitAsync(signal, isSignalled ? SecondLook : PollInterval, stoppingToken);
                    continue;
                }

                await HandleAsync(connection, position, page, stoppingToken);
                progressed();
                isSignalled = false;
            }
        }
        finally
        {
            if (connection.State == ConnectionState.Open)
            {
                await SubscriptionTable.UnlockAsync(connection);
            }
        }
    }

    private Task NextSignal() => Task.WhenAny(
        [store.Signals.Next(LogSignals.Subscriptions), .. names.Select(name => store.Signals.Next(LogSignals.OfType(name)))]);

    /// <summary>
    /// Handles a page and moves the checkpoint in one transaction. Where an event fails, all of it is rolled back, and what came before
    /// the event is done again without it. An event that fails as the first of its page is poison.
    /// </summary>
    private async Task HandleAsync(NpgsqlConnection connection, LogPosition position, LogPage page, CancellationToken stoppingToken)
    {
        var count = page.Events.Count;
        while (true)
        {
            var (failed, error) = await TryHandleAsync(connection, position, page, count, stoppingToken);
            if (error is null)
            {
                return;
            }

            if (failed == 0)
            {
                var e = page.Events[0];
                await table.StopAsync(connection, e, error, stoppingToken);
                LogStopped(logger, subscription.Name, e.StreamName, e.Version, e.Type, error);
                return;
            }

            count = failed;
        }
    }

    private async Task<(int Failed, Exception? Error)> TryHandleAsync(
        NpgsqlConnection connection, LogPosition position, LogPage page, int count, CancellationToken stoppingToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(stoppingToken);
        if (await table.LockAsync(connection, schema, stoppingToken) != position)
        {
            return (0, null);
        }

        var handled = 0;
        try
        {
            var started = TimeProvider.System.GetTimestamp();
            for (; handled < count && (handled == 0 || TimeProvider.System.GetElapsedTime(started) < LongestBatch); handled++)
            {
                await log.HandleAsync(subscription, page.Events[handled], transaction, stoppingToken);
            }
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            // A lost database is no fault of the event, whatever the handler made of it: Quartz wraps it.
            return connection.State == ConnectionState.Open && !IsTransient(e)
                ? (handled, e)
                : throw new NpgsqlException("The database was lost in the middle of a batch.", e);
        }

        await table.MoveAsync(connection, handled == page.Events.Count ? page.End : page.Events[handled - 1].Position, stoppingToken);
        await transaction.CommitAsync(stoppingToken);
        return (handled, null);
    }

    private static bool IsTransient(Exception e) =>
        e is NpgsqlException { IsTransient: true } || (e.InnerException is { } inner && IsTransient(inner));

    [LoggerMessage(Level = LogLevel.Error, Message = "Subscription {Subscription} stopped at {Stream}/{Version} ({Type}): retry it, or pass the event.")]
    private static partial void LogStopped(ILogger logger, string subscription, string stream, long version, string type, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Subscription {Subscription} lost the database and tries again in {Pause}.")]
    private static partial void LogInterrupted(ILogger logger, string subscription, TimeSpan pause, Exception exception);
}
