using Platform.Events;

namespace Uploads;

/// <summary>Refusals given in more than one place.</summary>
internal static class UploadErrors
{
    public const string ContentTypeMismatchCode = "CONTENT_TYPE_MISMATCH";
    public const string ReprDigestMismatchCode = "REPR_DIGEST_MISMATCH";

    public static CommandRefusedException NotFound() => new("UPLOAD_NOT_FOUND", "There is no such upload.");

    /// <summary>Of an upload that is appended to: its protocols want to hear that it is gone rather than of a conflict.</summary>
    public static CommandRefusedException Gone() => new("UPLOAD_GONE", "The upload was ended at its client's wish. Start a new one.");

    public static CommandRefusedException CompleteInProgress() =>
        new("COMPLETE_IN_PROGRESS", "The upload is being completed. Ask again in a moment.") { RetryAfter = TimeSpan.FromSeconds(2) };

    public static CommandRefusedException ContentTypeMismatch(string contentType) =>
        new(ContentTypeMismatchCode, $"The file does not begin like {contentType}. The upload is over: start a new one.");

    public static CommandRefusedException Damaged() => new(ReprDigestMismatchCode, "The file arrived damaged: its digest is another. Upload it again.");

    public static CommandRefusedException ChunkIndex(string detail) => new("INVALID_CHUNK_INDEX", detail);

    /// <summary>The id of a route. What cannot be an id is not the id of any upload.</summary>
    public static Guid ParseId(string id) => Guid.TryParseExact(id, "D", out var parsed) ? parsed : throw NotFound();
}
