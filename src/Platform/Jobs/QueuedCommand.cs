using Quartz;

namespace Platform.Jobs;

/// <summary>
/// What a job row holds, as Quartz stores it: strings in JOB_DATA. <c>kind</c> and <c>command</c> (JSON), <c>parent</c> and
/// <c>baggage</c> of the trace. The number of the attempt is in the data of the trigger, which recovery after a crash copies.
/// </summary>
internal static class QueuedCommand
{
    internal const string Kind = "kind";
    internal const string Command = "command";
    internal const string Parent = "parent";
    internal const string Baggage = "baggage";
    internal const string Attempt = "attempt";

    /// <summary>Quartz's execution group of jobs in <see cref="JobLane.Heavy"/>.</summary>
    internal const string HeavyJobs = "heavy";

    /// <summary>That of jobs in <see cref="JobLane.Outbound"/>. Light ones have none.</summary>
    internal const string OutboundJobs = "outbound";

    internal static IJobDetail Job(JobKey key, JobKind kind, string command)
    {
        var data = new JobDataMap { [Kind] = kind.Name, [Command] = command };
        if (JobTrace.Capture() is var (parent, baggage))
        {
            data[Parent] = parent;
            data[Baggage] = baggage;
        }

        return JobBuilder.Create<CommandJob>().WithIdentity(key).UsingJobData(data).RequestRecovery().Build();
    }

    internal static ITrigger Trigger(JobKey job, JobLane lane, int attempt, DateTimeOffset at) => TriggerBuilder.Create()
        .WithIdentity($"{job.Name}#{attempt}")
        .ForJob(job)
        .WithExecutionGroup(lane switch
        {
            JobLane.Heavy => HeavyJobs,
            JobLane.Outbound => OutboundJobs,
            _ => null,
        })
        .UsingJobData(Attempt, attempt.ToString(System.Globalization.CultureInfo.InvariantCulture))
        .StartAt(at)
        .Build();
}
