using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;
using Platform.Storage;
using Uploads.Contracts;

namespace Uploads;

/// <summary>
/// Takes a file back, whatever its upload is at: its bytes are deleted, and albums made from now on do not have it. An album that is being packed
/// lists it as missing; a ZIP that was finished before keeps it. Safe to repeat.
/// </summary>
/// <param name="Token">What the client sent as <c>withdrawToken</c> when it began the upload.</param>
internal sealed record WithdrawUpload(string? Token);

internal static class WithdrawUploadHandler
{
    private const int TokenBytes = 32;

    /// <summary>
    /// <c>POST /v1/uploads/{id}/withdraw</c>. 204, or 403 <c>WITHDRAWAL_REFUSED</c>, 409 <c>COMPLETE_IN_PROGRESS</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder uploads) => uploads.MapPost("/{id}/withdraw", PostAsync);

    internal static async Task<NoContent> PostAsync(
        string id, WithdrawUpload command, EventStore events, IObjectStorage storage, TimeProvider clock, CancellationToken cancellationToken)
    {
        // The event goes first: whoever makes something of the wedding's files from then on knows. Bytes that a crash leaves, the sweep deletes.
        var upload = (await events.DecideAsync<Upload, IUploadEvent>(
            UploadErrors.ParseId(id), upload => Decide(upload, command, clock.GetUtcNow()), cancellationToken)).State;
        await AbortUploadHandler.DiscardPartsAsync(upload, events, storage, clock, cancellationToken);
        return TypedResults.NoContent();
    }

    internal static IReadOnlyList<IUploadEvent> Decide(Upload upload, WithdrawUpload command, DateTimeOffset now)
    {
        var file = upload.Session;
        if (file.WithdrawTokenHash is not { } hash || command.Token is not { } token || !IsSame(Secret.HashOf(token), hash))
        {
            throw new CommandRefusedException("WITHDRAWAL_REFUSED", "Only who sent a file can take it back, by the token the upload was begun with.");
        }

        return upload.Status switch
        {
            UploadStatus.Completed => [new UploadWithdrawn(file.UploadId, file.WeddingId, file.Key, now)],
            UploadStatus.Completing or UploadStatus.Verifying => throw UploadErrors.CompleteInProgress(),
            UploadStatus.Open => [new UploadAborted(now)],
            _ => [],
        };
    }

    /// <returns>What is kept of a token; <see langword="null"/> where there is none.</returns>
    /// <exception cref="CommandRefusedException"><c>INVALID_WITHDRAW_TOKEN</c>: it could be guessed.</exception>
    internal static string? HashOf(string? token)
    {
        if (token is null)
        {
            return null;
        }

        return Base64Url.IsValid(token, out var bytes) && bytes == TokenBytes
            ? Secret.HashOf(token)
            : throw new CommandRefusedException("INVALID_WITHDRAW_TOKEN", $"withdrawToken must be {TokenBytes} random bytes in base64url.");
    }

    private static bool IsSame(string one, string other) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(one), Encoding.ASCII.GetBytes(other));
}
