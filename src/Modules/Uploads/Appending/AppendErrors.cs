using Platform.Events;

namespace Uploads;

/// <summary>Refusals of appends. The problem types are those of draft-ietf-httpbis-resumable-upload; tus has none.</summary>
internal static class AppendErrors
{
    /// <summary>Member of <see cref="OffsetMismatch"/>: where the upload ends.</summary>
    public const string ExpectedOffset = "expected-offset";

    private const string Types = "https://iana.org/assignments/http-problem-types#";

    public static CommandRefusedException OffsetMismatch(long expected, long provided) =>
        new("UPLOAD_OFFSET_MISMATCH", $"The upload ends at {expected}, not at {provided}.")
        {
            ProblemType = $"{Types}mismatching-upload-offset",
            Members = new Dictionary<string, object?> { [ExpectedOffset] = expected, ["provided-offset"] = provided },
        };

    public static CommandRefusedException InconsistentLength() =>
        new("INCONSISTENT_UPLOAD_LENGTH", "The file has another length by this request than by an earlier one, or by another header of it.")
        {
            ProblemType = $"{Types}inconsistent-upload-length",
        };

    public static CommandRefusedException TooLong(long lengthBytes) =>
        new("UPLOAD_TOO_LONG", $"The file has {lengthBytes} bytes: there are more in this request than are missing.");

    public static CommandRefusedException Superseded() => new("APPEND_SUPERSEDED", "A newer request went on with this upload. Ask for its offset.");
}
