using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Platform.Events;

namespace Uploads;

// Stream upload_order-{id}. This shape is the storage format: add members, never rename or remove one.

/// <summary>The order has begun this upload. Recorded together with its beginning.</summary>
/// <param name="RequestSha256">Of the command, in hex: another command under the same key is a mistake.</param>
internal sealed record UploadOrdered(Guid UploadId, string RequestSha256, DateTimeOffset OrderedAt);

/// <summary>What a client knows an upload by before it has an id: an <c>Idempotency-Key</c> of its own choice.</summary>
internal sealed record UploadOrder : IState<UploadOrder, UploadOrdered>
{
    public static string Category => "upload_order";

    public static UploadOrder Initial { get; } = new();

    public UploadOrdered? Ordered { get; private init; }

    public static UploadOrder Evolve(UploadOrder state, UploadOrdered e) => state with { Ordered = e };

    /// <summary>A key counts for its user. Clients choose keys freely, and may put secrets in them: only the hash is stored.</summary>
    public static string IdOf(InitiateUpload command, string idempotencyKey) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{command.UserRole}\n{command.UserId}\n{idempotencyKey}")));

    public static string Hash(InitiateUpload command) => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(command)));

    /// <returns>The upload this command has begun already; <see langword="null"/> where it is the first under its key.</returns>
    /// <exception cref="CommandRefusedException"><c>IDEMPOTENCY_KEY_REUSED</c>: another command had the key.</exception>
    public Guid? UploadOf(InitiateUpload command) => Ordered is null || Ordered.RequestSha256 == Hash(command)
        ? Ordered?.UploadId
        : throw new CommandRefusedException("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key began another upload. Choose a new one for each file.");
}
