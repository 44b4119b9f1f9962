using Microsoft.Extensions.Logging;

namespace Uploads;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Multipart upload {Id} of {Key} belongs to no upload: discarded.")]
    internal static partial void OrphanDiscarded(this ILogger log, string key, string id);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for parts that belong to no upload failed; tomorrow's pass tries again.")]
    internal static partial void OrphansNotDiscarded(this ILogger log, Exception error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Nothing could be read about the media in {Key}; the upload is complete without.")]
    internal static partial void MediaNotRead(this ILogger log, Exception error, string key);
}
