using System.Collections.Frozen;

namespace Platform.Http;

/// <summary>
/// Every code a client can meet, with its status. Codes are stable: clients act on them. <c>docs/http-api.md</c> says what each means,
/// and a test holds this table, the documentation and the sources together.
/// </summary>
/// <param name="ofModules">What each module added by <see cref="ErrorsWiring.AddErrorCodes"/>.</param>
public sealed class ErrorCodes(IEnumerable<ErrorCode> ofModules)
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
        [428] = "PRECONDITION_REQUIRED",
        [429] = "TOO_MANY_REQUESTS",
        [500] = InternalError,
        [502] = StorageError,
        [503] = DatabaseUnavailable,
    }.ToFrozenDictionary();

    private static readonly ErrorCode[] OfPlatform =
    [
        new("INVALID_SETTING", 400),
        new("INVALID_API_KEY", 400),
        new("API_KEY_NOT_FOUND", 404),
        new("INVITATION_INVALID", 404),
        new("PERSON_NOT_FOUND", 404),
        new("SUBSCRIPTION_UNKNOWN", 404),
        new("LAST_ADMIN", 409),
        new("REBUILD_RUNNING", 409),
        new("SUBSCRIPTION_NOT_REBUILDABLE", 409),
        new("SUBSCRIPTION_NOT_STOPPED", 409),
    ];

    /// <summary>Status by code.</summary>
    public FrozenDictionary<string, int> Statuses { get; } = General.Select(item => new ErrorCode(item.Value, item.Key))
        .Concat([.. OfPlatform, .. ofModules])
        .ToFrozenDictionary(code => code.Code, code => code.Status, StringComparer.Ordinal);

    /// <summary>The code of an answer that has a status and nothing else.</summary>
    internal static string Of(int status) => General.GetValueOrDefault(status, status < 500 ? InvalidRequest : InternalError);
}

/// <summary>A code that refusals carry, and the status they are answered with.</summary>
public sealed record ErrorCode(string Code, int Status);
