using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Costs;
using Platform.Events;
using Platform.Settings;
using Platform.Storage;

namespace Uploads;

/// <summary>Begins the upload of one file. Each call begins another one, under a key of its own, unless <c>Idempotency-Key</c> says it is the same.</summary>
/// <param name="ChunkSizeBytes">At least 5 MiB where the file has several chunks; <see langword="null"/> for the server's choice.</param>
/// <param name="GuestName">What the sender wants to be called, at most 80 characters; shown to the couple.</param>
/// <param name="WithdrawToken">Random, of the client's making: who has it may take the file back (<see cref="WithdrawUpload"/>). Only its hash is kept.</param>
internal sealed record InitiateUpload(
    string? FileName,
    string? ContentType,
    long? SizeBytes,
    string? UserRole,
    string? UserId,
    string? WeddingId = null,
    long? ChunkSizeBytes = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? GuestName = null, // orders of before have hashes without these
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? WithdrawToken = null);

/// <summary>How the client is to send the file.</summary>
internal sealed record InitiatedUpload(Guid UploadId, string Key, long ChunkSizeBytes, int TotalChunks, DateTimeOffset ExpiresAt);

/// <summary>Begins uploads.</summary>
internal sealed class InitiateUploadHandler(
    EventStore events, IObjectStorage storage, Quotas quotas, LiveSettings<UploadSettings> settings, UsageLedger usage, TimeProvider clock)
{
    private static readonly string[] ProxyHeaders = ["Forwarded", "X-Forwarded-For", "Via", "CF-Ray"];

    /// <summary>
    /// <c>POST /v1/uploads/init</c>. 201; 400, 413, 415 with the rule that was broken; 403 <c>QUOTA_EXCEEDED</c>; 429
    /// <c>TOO_MANY_UPLOADS</c>. With <c>Idempotency-Key</c> again 201 with the same upload, or 422 <c>IDEMPOTENCY_KEY_REUSED</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder uploads) => uploads.MapPost("/init", PostAsync);

    internal static async Task<Created<InitiatedUpload>> PostAsync(
        InitiateUpload command,
        [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey,
        HttpRequest request,
        InitiateUploadHandler handler,
        CancellationToken cancellationToken)
    {
        UploadDoor.Demand(request.HttpContext.User, command.WeddingId, command.UserId);
        var isProxied = IsProxied(request);
        var session = string.IsNullOrEmpty(idempotencyKey)
            ? await handler.BeginAsync(handler.Plan(command, isProxied), [], cancellationToken)
            : await handler.BeginOnceAsync(command, isProxied, idempotencyKey, cancellationToken);
        var plan = new PartPlan(session.SizeBytes, session.ChunkSizeBytes);
        return TypedResults.Created(
            $"/v1/uploads/{session.UploadId}",
            new InitiatedUpload(session.UploadId, session.Key, session.ChunkSizeBytes, plan.TotalChunks, session.ExpiresAt));
    }

    /// <summary>Reserves the space, begins the store's multipart upload and records the session, and <paramref name="others"/> with it.</summary>
    /// <param name="session">Of a new upload, without <see cref="UploadInitiated.MultipartId"/>.</param>
    /// <exception cref="StreamConflictException">One of the others was recorded meanwhile. Nothing is left of the upload.</exception>
    public async Task<UploadInitiated> BeginAsync(UploadInitiated session, IReadOnlyList<StreamAppend> others, CancellationToken cancellationToken)
    {
        if (session.Append is not { IsPartial: true })
        {
            // A piece counts as part of the file it becomes.
            await quotas.ReserveAsync(session, cancellationToken);
        }

        using var charged = usage.Charge(session.AccountOf());
        var isRecording = false;
        try
        {
            if (session.SizeBytes > 0 || session.Append is { IsLengthDeferred: true })
            {
                var multipart = await (session.PartsHaveChecksums
                    ? storage.BeginCheckedMultipartAsync(session.Key, session.ContentType, cancellationToken)
                    : storage.BeginMultipartAsync(session.Key, session.ContentType, cancellationToken));
                session = session with { MultipartId = multipart.Id };
            }

            isRecording = true;
            await events.AppendAsync([StreamAppend.To<Upload, IUploadEvent>(session.UploadId, 0, [session]), .. others], cancellationToken);
            return session;
        }
        catch (Exception e) when (!isRecording || e is StreamConflictException)
        {
            // Certainly not recorded. Where it may be, the sweep finds out.
            await quotas.ReleaseAsync(session.UploadId);
            if (session.MultipartId is { } id)
            {
                await storage.AbortMultipartAsync(new MultipartUpload(session.Key, id), CancellationToken.None);
            }

            throw;
        }
    }

    /// <summary>Whether a proxy stands between, which may refuse large bodies.</summary>
    internal static bool IsProxied(HttpRequest request) => ProxyHeaders.Any(request.Headers.ContainsKey);

    /// <summary>Applies every rule to the command. The multipart upload is the caller's to begin.</summary>
    internal static UploadInitiated Plan(
        InitiateUpload command, Guid uploadId, UploadSettings settings, bool isProxied, DateTimeOffset now) => Plan(
            command,
            () => PartPlan.Create(command.SizeBytes, command.ChunkSizeBytes, settings.LimitsFor(command.UserRole, isProxied)),
            uploadId,
            settings,
            now);

    /// <inheritdoc cref="Plan(InitiateUpload, Guid, UploadSettings, bool, DateTimeOffset)"/>
    /// <param name="createPlan">Called once name and type are known to be good.</param>
    internal static UploadInitiated Plan(
        InitiateUpload command, Func<PartPlan> createPlan, Guid uploadId, UploadSettings settings, DateTimeOffset now)
    {
        var fileName = KeyLayout.CheckFileName(command.FileName);
        var contentType = ContentTypes.Check(command.ContentType, settings);
        var plan = createPlan();
        return new UploadInitiated(
            uploadId,
            KeyLayout.KeyOf(command.UserRole, command.UserId, now, ContentTypes.CategoryOf(contentType), fileName, uploadId),
            MultipartId: null,
            fileName,
            contentType,
            plan.SizeBytes,
            plan.ChunkSizeBytes,
            command.UserRole!,
            command.UserId!,
            KeyLayout.CheckWeddingId(command.WeddingId),
            now,
            now + settings.Lifetime,
            GuestName: KeyLayout.CheckGuestName(command.GuestName),
            WithdrawTokenHash: WithdrawUploadHandler.HashOf(command.WithdrawToken));
    }

    private UploadInitiated Plan(InitiateUpload command, bool isProxied) =>
        Plan(command, Guid.CreateVersion7(), settings.Current, isProxied, clock.GetUtcNow());

    private async Task<UploadInitiated> BeginOnceAsync(
        InitiateUpload command, bool isProxied, string idempotencyKey, CancellationToken cancellationToken)
    {
        var orderId = UploadOrder.IdOf(command, idempotencyKey);
        while (true)
        {
            var order = await events.FoldAsync<UploadOrder, UploadOrdered>(orderId, cancellationToken);
            if (order.State.UploadOf(command) is { } present)
            {
                return (await events.FoldAsync<Upload, IUploadEvent>(present, cancellationToken)).State.Session;
            }

            var session = Plan(command, isProxied);
            try
            {
                var ordered = new UploadOrdered(session.UploadId, UploadOrder.Hash(command), session.InitiatedAt);
                return await BeginAsync(session, [StreamAppend.To<UploadOrder, UploadOrdered>(orderId, order.Version, [ordered])], cancellationToken);
            }
            catch (StreamConflictException)
            {
                // The same request came twice at once, and the other one was first: its upload counts.
            }
        }
    }
}
