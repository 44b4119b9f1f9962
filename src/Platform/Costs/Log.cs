using Microsoft.Extensions.Logging;

namespace Platform.Costs;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "What was used could not be recorded. It is kept until it can.")]
    internal static partial void UsageNotRecorded(this ILogger log, Exception error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The store could not be metered, or the costs not be watched. In an hour they are again.")]
    internal static partial void CostsNotWatched(this ILogger log, Exception error);
}
