using System.Collections.Frozen;

namespace Platform.Http;

/// <summary>
/// Every code a client can meet, with its status. Codes are stable: clients act on them. <c>docs/http-api.md</c> says what each means,
/// and a test holds this table, the documentation and the sources together.
/// </summary>
public static class ErrorCodes
{
    public const string InvalidRequest = "INVALID_REQUEST";
    public const string InternalError = "INTERNAL_ERROR";
    public const string StorageError = "STORAGE_ERROR";
    public const string DatabaseUnavailable = "DATABASE_UNAVAILABLE";

    private static readonly FrozenDictionary<int, string> General = new Dictionary<int, string>
    {
        [400] = InvalidRequest,
        [401] = "UNAUTHORIZED",
        [403] = "FORBIDDEN",
        [404] = "NOT_FOUND",
        [405] = "METHOD_NOT_ALLOWED",
        [406] = "NOT_ACCEPTABLE",
        [408] = "REQUEST_TIMEOUT",
        [412] = "PRECONDITION_FAILED",
        [413] = "BODY_TOO_LARGE",
        [415] = "UNSUPPORTED_MEDIA_TYPE",
        [416] = "RANGE_NOT_SATISFIABLE",
        [429] = "TOO_MANY_REQUESTS",
        [500] = InternalError,
        [502] = StorageError,
        [503] = DatabaseUnavailable,
    }.ToFrozenDictionary();

    private static readonly Dictionary<string, int> OfModules = new()
    {
        // Subscriptions
        ["SUBSCRIPTION_UNKNOWN"] = 404,
        ["REBUILD_RUNNING"] = 409,
        ["SUBSCRIPTION_NOT_REBUILDABLE"] = 409,
        ["SUBSCRIPTION_NOT_STOPPED"] = 409,

        // Albums
        ["INVALID_EMAIL"] = 400,
        ["INVALID_FILE"] = 400,
        ["NOT_SUPPORTED"] = 400,
        ["ALBUM_NOT_FOUND"] = 404,
        ["ALBUM_CANCELLED"] = 409,
        ["ALBUM_COMPLETED"] = 409,
        ["ALBUM_EMPTY"] = 409,
        ["ALBUM_NOT_READY"] = 409,
        ["ALBUM_GONE"] = 410,

        // Uploads
        ["CHECKSUM_MISMATCH"] = 400,
        ["CHUNK_SIZE_MISMATCH"] = 400,
        ["INVALID_CHECKSUM"] = 400,
        ["INVALID_CHUNK_INDEX"] = 400,
        ["INVALID_CHUNK_SIZE"] = 400,
        ["INVALID_FILE_NAME"] = 400,
        ["INVALID_SIZE"] = 400,
        ["INVALID_USER_ID"] = 400,
        ["INVALID_USER_ROLE"] = 400,
        ["INVALID_WEDDING_ID"] = 400,
        ["UPLOAD_ID_MISMATCH"] = 400,
        ["QUOTA_EXCEEDED"] = 403,
        ["UPLOAD_NOT_FOUND"] = 404,
        ["CHUNK_IN_PROGRESS"] = 409,
        ["COMPLETE_IN_PROGRESS"] = 409,
        ["ETAG_MISMATCH"] = 409,
        ["MISSING_PARTS"] = 409,
        ["UPLOAD_ABORTED"] = 409,
        ["UPLOAD_COMPLETED"] = 409,
        ["UPLOAD_EXPIRED"] = 410,
        ["UPLOAD_LOST"] = 410,
        ["CHUNK_TOO_LARGE"] = 413,
        ["FILE_TOO_LARGE"] = 413,
        ["CONTENT_TYPE_MISMATCH"] = 415,
        ["UNSUPPORTED_CONTENT_TYPE"] = 415,
    };

    /// <summary>Status by code.</summary>
    public static FrozenDictionary<string, int> Statuses { get; } =
        General.ToDictionary(item => item.Value, item => item.Key).Concat(OfModules).ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The code of an answer that has a status and nothing else.</summary>
    internal static string Of(int status) => General.GetValueOrDefault(status, status < 500 ? InvalidRequest : InternalError);
}
