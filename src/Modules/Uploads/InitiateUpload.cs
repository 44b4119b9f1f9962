using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Events;
using Platform.Settings;
using Platform.Storage;

namespace Uploads;

/// <summary>Begins the upload of one file. Each call begins another one, under a key of its own.</summary>
/// <param name="ChunkSizeBytes">At least 5 MiB where the file has several chunks; <see langword="null"/> for the server's choice.</param>
internal sealed record InitiateUpload(
    string? FileName,
    string? ContentType,
    long? SizeBytes,
    string? UserRole,
    string? UserId,
    string? WeddingId = null,
    long? ChunkSizeBytes = null);

/// <summary>How the client is to send the file.</summary>
internal sealed record InitiatedUpload(Guid UploadId, string Key, long ChunkSizeBytes, int TotalChunks, DateTimeOffset ExpiresAt);

internal static class InitiateUploadHandler
{
    private static readonly string[] ProxyHeaders = ["Forwarded", "X-Forwarded-For", "Via", "CF-Ray"];

    /// <summary><c>POST /v1/uploads/init</c>. 201, or 400, 413, 415 with the rule that was broken.</summary>
    internal static void Map(RouteGroupBuilder uploads) => uploads.MapPost("/init", PostAsync);

    internal static async Task<Created<InitiatedUpload>> PostAsync(
        InitiateUpload command,
        HttpRequest request,
        LiveSettings<UploadSettings> settings,
        EventStore events,
        IObjectStorage storage,
        TimeProvider clock,
        CancellationToken cancellationToken)
    {
        var session = Plan(command, Guid.CreateVersion7(), settings.Current, IsProxied(request), clock.GetUtcNow());
        if (session.SizeBytes > 0)
        {
            var multipart = await storage.BeginMultipartAsync(session.Key, session.ContentType, cancellationToken);
            session = session with { MultipartId = multipart.Id };
        }

        var upload = (await events.DecideAsync<Upload, IUploadEvent>(
            session.UploadId, upload => upload.Status is UploadStatus.Unknown ? [session] : [], cancellationToken)).State;
        return TypedResults.Created(
            $"/v1/uploads/{session.UploadId}",
            new InitiatedUpload(session.UploadId, session.Key, session.ChunkSizeBytes, upload.Plan.TotalChunks, session.ExpiresAt));
    }

    /// <summary>Applies every rule to the command. The multipart upload is the caller's to begin.</summary>
    internal static UploadInitiated Plan(
        InitiateUpload command, Guid uploadId, UploadSettings settings, bool isProxied, DateTimeOffset now)
    {
        var fileName = KeyLayout.CheckFileName(command.FileName);
        var contentType = ContentTypes.Check(command.ContentType, settings);
        var plan = PartPlan.Create(command.SizeBytes, command.ChunkSizeBytes, settings.LimitsFor(command.UserRole, isProxied));
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
            now + settings.Lifetime);
    }

    /// <summary>Whether the request came through a proxy that says so. Cloudflare always does.</summary>
    private static bool IsProxied(HttpRequest request) => ProxyHeaders.Any(request.Headers.ContainsKey);
}
