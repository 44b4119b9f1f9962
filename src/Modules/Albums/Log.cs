using Microsoft.Extensions.Logging;

namespace Albums;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Album {AlbumId}: attempt {Attempt} started on {Node}")]
    internal static partial void AttemptStarted(this ILogger logger, Guid albumId, int attempt, string node);

    [LoggerMessage(Level = LogLevel.Information, Message = "Album {AlbumId}: {Outcome} after {Elapsed}; {StoredBytes} bytes went through here, {CopiedBytes} the store copied")]
    internal static partial void AttemptEnded(this ILogger logger, Guid albumId, string outcome, TimeSpan elapsed, long storedBytes, long copiedBytes);

    [LoggerMessage(Level = LogLevel.Information, Message = "Album {AlbumId}: this attempt was overtaken. {Conflict}")]
    internal static partial void AttemptOvertaken(this ILogger logger, Guid albumId, string conflict);

    [LoggerMessage(Level = LogLevel.Error, Message = "Album {AlbumId} failed.")]
    internal static partial void BatchFailed(this ILogger logger, Exception error, Guid albumId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Album {AlbumId}: goes on without file {Index}, because {Reason}")]
    internal static partial void FileLost(this ILogger logger, Guid albumId, int index, string reason);
}
