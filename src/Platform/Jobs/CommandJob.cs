using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Quartz;

namespace Platform.Jobs;

/// <summary>
/// The one job class that Quartz knows; its name is stored, so it must not be renamed or moved. Runs one attempt of a queued command.
/// <para>
/// A retry is a new trigger, stored before the failed one ends: a crash in between runs the attempt again, which is never worse than
/// losing it. What fails outside the handler (an unknown kind, the database) leaves this class as an exception and falls to the
/// scheduler's own retry policy, which never gives up.
/// </para>
/// </summary>
internal sealed class CommandJob(JobKinds kinds, IServiceScopeFactory scopes, TimeProvider clock, ILogger<CommandJob> log) : Quartz.IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        var data = context.MergedJobDataMap;
        var name = context.JobDetail.Key.Name;
        var kind = kinds[data.GetString(QueuedCommand.Kind)!];
        var command = data.GetString(QueuedCommand.Command)!;
        var attempt = int.Parse(data.GetString(QueuedCommand.Attempt)!, CultureInfo.InvariantCulture);
        using var activity = JobTrace.Start(kind.Name, data.GetString(QueuedCommand.Parent), data.GetString(QueuedCommand.Baggage));
        await using var scope = scopes.CreateAsyncScope();
        try
        {
            await kind.RunAsync(scope.ServiceProvider, command, cancellationToken);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            activity.SetStatus(ActivityStatusCode.Error, error.Message);
            if (attempt < kind.Retry.Attempts || !await GiveUpAsync(kind, name, command, error, cancellationToken))
            {
                var delay = kind.Retry.DelayAfter(attempt);
                log.JobFailed(error, name, attempt, delay);
                var retry = QueuedCommand.Trigger(context.JobDetail.Key, kind.Lane, attempt + 1, clock.GetUtcNow() + delay);
                await context.Scheduler.ScheduleTrigger(retry, TriggerConflict.Keep, cancellationToken);
            }
        }
        catch (Exception error)
        {
            // This node stops. Whatever the handler made of the cancellation, Quartz hands the job to another node where it ends like this.
            log.JobHandedBack(name);
            throw new OperationCanceledException("The node stops; the job is handed back.", error, cancellationToken);
        }
    }

    /// <summary>False where the module could not record the failure: the command is then tried again, and given up again.</summary>
    private async Task<bool> GiveUpAsync(JobKind kind, string name, string command, Exception error, CancellationToken cancellationToken)
    {
        log.JobGaveUp(error, name);
        await using var scope = scopes.CreateAsyncScope();
        try
        {
            await kind.GaveUpAsync(scope.ServiceProvider, command, error, cancellationToken);
            return true;
        }
        catch (Exception unrecorded) when (!cancellationToken.IsCancellationRequested)
        {
            log.FailureNotRecorded(unrecorded, name);
            return false;
        }
    }
}
