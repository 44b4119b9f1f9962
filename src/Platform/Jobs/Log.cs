using Microsoft.Extensions.Logging;

namespace Platform.Jobs;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Name} failed at attempt {Attempt} and is tried again in {Delay}.")]
    internal static partial void JobFailed(this ILogger log, Exception error, string name, int attempt, TimeSpan delay);

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {Name} failed at its last attempt.")]
    internal static partial void JobGaveUp(this ILogger log, Exception error, string name);

    [LoggerMessage(Level = LogLevel.Error, Message = "The failure of job {Name} could not be recorded.")]
    internal static partial void FailureNotRecorded(this ILogger log, Exception error, string name);

    [LoggerMessage(Level = LogLevel.Information, Message = "This node stops; job {Name} goes to another.")]
    internal static partial void JobHandedBack(this ILogger log, string name);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Id} is due, but could not be dealt with; the next sweep tries again.")]
    internal static partial void NotSwept(this ILogger log, Exception error, Guid id);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Sweep} could not look for what is due; the next sweep tries again.")]
    internal static partial void SweepFailed(this ILogger log, Exception error, string sweep);
}
