using Microsoft.Extensions.Logging;

namespace Gallery;

internal static partial class Log
{
    [LoggerMessage(LogLevel.Warning, "The thumbnails of wedding {WeddingId} were not made. Who looks at them has it tried again.")]
    internal static partial void ThumbnailsNotMade(this ILogger log, Exception error, string weddingId);

    [LoggerMessage(LogLevel.Warning, "This node makes no thumbnails of wedding {WeddingId}: {Reason}")]
    internal static partial void ThumbnailsCannotBeMade(this ILogger log, string reason, string weddingId);

    [LoggerMessage(LogLevel.Error, "The thumbnail of photo {PhotoId}, which was taken back, is still in the store.")]
    internal static partial void ThumbnailNotDiscarded(this ILogger log, Exception error, Guid photoId);
}
