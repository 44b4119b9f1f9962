using Microsoft.Extensions.Logging;

namespace Platform.Accounts;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "The API is open to callers without a credential: {Who} (setting Auth__AnonymousApi).")]
    internal static partial void ApiIsOpen(this ILogger log, string who);

    [LoggerMessage(Level = LogLevel.Information, Message = "Every call of the API needs a credential (setting Auth__AnonymousApi).")]
    internal static partial void ApiIsClosed(this ILogger log);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The keys that ID tokens are signed with could not be had from {Host}.")]
    internal static partial void KeysNotFetched(this ILogger log, Exception error, string host);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The mailbox of admin {PersonId} refuses the mail {Mail}.")]
    internal static partial void AdminRefusesMail(this ILogger log, Exception error, string mail, Guid personId);

    [LoggerMessage(Level = LogLevel.Debug, Message = "An ID token was refused: {Reason}.")]
    internal static partial void IdTokenRefused(this ILogger log, string reason);
}
