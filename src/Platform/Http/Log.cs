using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Platform.Http;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed with {Status}.")]
    internal static partial void RequestFailed(this ILogger log, Exception error, string method, PathString path, int status);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The client of {Method} {Path} went away.")]
    internal static partial void ClientGone(this ILogger log, Exception error, string method, PathString path);

    [LoggerMessage(Level = LogLevel.Error, Message = "The answer to {Method} {Path} broke off.")]
    internal static partial void BrokenAnswer(this ILogger log, Exception error, string method, PathString path);
}
