using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Npgsql;
using Platform.Events;
using Platform.Storage;

namespace Platform.Http;

/// <summary>
/// An answer that says no: RFC 9457 problem details, plus the member <c>error</c> with code, message and timestamp that the clients of
/// the first API read.
/// </summary>
internal sealed record Problem(
    int Status, string Code, string Detail, IReadOnlyDictionary<string, object?>? Members = null, TimeSpan? RetryAfter = null)
{
    internal const string ContentType = "application/problem+json";

    internal string Type { get; init; } = "about:blank";

    internal static Problem Of(int status) => new(status, ErrorCodes.Of(status), status switch
    {
        StatusCodes.Status404NotFound => "There is nothing at this address.",
        StatusCodes.Status405MethodNotAllowed => "This address takes other methods; the header Allow names them.",
        _ => $"{ReasonPhrases.GetReasonPhrase(status)}.",
    });

    /// <summary>What an exception means to the client. Details of faults stay in the log; the trace id leads to them.</summary>
    internal static Problem Of(Exception error, ErrorCodes codes) => error switch
    {
        // A refusal of a rule that no module gave a status is a conflict with the state of things.
        CommandRefusedException refused => new(
            codes.Statuses.GetValueOrDefault(refused.Code, StatusCodes.Status409Conflict), refused.Code, refused.Message)
        {
            Members = refused.Members,
            RetryAfter = refused.RetryAfter,
            Type = refused.ProblemType ?? "about:blank",
        },
        BadHttpRequestException { InnerException: JsonException json } =>
            new(StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest, $"The body is not the JSON this request takes, at {json.Path ?? "$"}."),
        BadHttpRequestException bad => new(bad.StatusCode, ErrorCodes.Of(bad.StatusCode), bad.Message),
        StorageException => new(StatusCodes.Status502BadGateway, ErrorCodes.StorageError, "The storage failed. Try again: nothing was lost."),
        PostgresException { SqlState: PostgresErrorCodes.UntranslatableCharacter or PostgresErrorCodes.CharacterNotInRepertoire } => new(
            StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest, "A text has the character U+0000, which cannot be stored."),
        NpgsqlException { IsTransient: true } => new(
            StatusCodes.Status503ServiceUnavailable, ErrorCodes.DatabaseUnavailable, "The database does not answer. Try again in a moment.")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        },
        _ => new(StatusCodes.Status500InternalServerError, ErrorCodes.InternalError, "Something went wrong here. The trace id helps to find it."),
    };

    internal Dictionary<string, object?> ToDocument(HttpContext context, string traceId, DateTimeOffset now)
    {
        var document = new Dictionary<string, object?>
        {
            ["type"] = Type,

            // No registry has a phrase for the statuses that protocols invent, such as tus's 460.
            ["title"] = ReasonPhrases.GetReasonPhrase(Status) is { Length: > 0 } phrase ? phrase : Detail,
            ["status"] = Status,
            ["detail"] = Detail,
            ["instance"] = RequestPath.Of(context).Value,
            ["traceId"] = traceId,
            ["error"] = new { Code, Message = Detail, Timestamp = now },
        };
        foreach (var (name, value) in Members ?? new Dictionary<string, object?>())
        {
            document.TryAdd(name, value);
        }

        return document;
    }
}
