using Microsoft.Extensions.Logging;

namespace Assets;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Site {Site}: {Objects} objects that no kept release has were removed.")]
    internal static partial void ObjectsRemoved(this ILogger log, string site, int objects);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Site {Site} could not be swept; the next sweep tries again.")]
    internal static partial void NotSwept(this ILogger log, Exception error, string site);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for objects that no release has failed; the next sweep tries again.")]
    internal static partial void SweepFailed(this ILogger log, Exception error);
}
