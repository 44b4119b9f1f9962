using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Platform.Events;

/// <summary>
/// Carries signals between processes by NOTIFY and LISTEN. NOTIFY is sent after the commit and not within it, because Postgres lets only
/// one notifying transaction commit at a time, and at most every <see cref="Spacing"/>. A crash in between loses a
/// signal, never an event: readers also poll.
/// </summary>
internal sealed partial class LogListener(NpgsqlDataSource database, EventStore store, ILogger<LogListener> logger) : BackgroundService
{
    private const string Channel = "mt_events";

    private static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        KeepAsync(ListenAsync, stoppingToken),
        KeepAsync(NotifyAsync, stoppingToken));

    private async Task KeepAsync(Func<CancellationToken, Task> work, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await work(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (NpgsqlException e)
            {
                LogLost(logger, e);
                await Task.Delay(Pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        await using var connection = await database.OpenConnectionAsync(stoppingToken);
        connection.Notification += (_, e) => store.Signals.Wake(e.Payload.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        await using (var listen = new NpgsqlCommand($"listen {Channel}", connection))
        {
            await listen.ExecuteNonQueryAsync(stoppingToken);
        }

        // What was told before this connection listened is told now.
        store.Signals.Wake([]);
        while (true)
        {
            // A server that vanished says nothing either, so silence is answered with a question.
            if (!await connection.WaitAsync(Silence, stoppingToken))
            {
                await using var question = new NpgsqlCommand("select 1", connection);
                await question.ExecuteNonQueryAsync(stoppingToken);
            }
        }
    }

    private async Task NotifyAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            var names = await store.Signals.TakeAppendedAsync(stoppingToken);
            var payload = string.Join('\n', names);

            // A payload is limited to 8,000 bytes.
            await using (var notify = database.CreateCommand("select pg_notify($1, $2)"))
            {
                notify.Parameters.Add(new() { Value = Channel });
                notify.Parameters.Add(new() { Value = payload.Length < 2_000 ? payload : "" });
                await notify.ExecuteNonQueryAsync(stoppingToken);
            }

            await Task.Delay(Spacing, stoppingToken);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The connection that signals new events was lost; polling until it is back.")]
    private static partial void LogLost(ILogger logger, Exception exception);
}
