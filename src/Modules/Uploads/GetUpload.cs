using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Events;

namespace Uploads;

/// <summary>Everything a client needs to go on with an upload.</summary>
/// <param name="Status"><c>open</c>, <c>completing</c>, <c>verifying</c>, <c>completed</c>, <c>aborted</c>, <c>expired</c>, <c>lost</c> or <c>withdrawn</c>.</param>
internal sealed record UploadView(
    Guid UploadId,
    string Status,
    string Key,
    string FileName,
    long SizeBytes,
    long ChunkSizeBytes,
    int TotalChunks,
    IReadOnlyList<StoredChunk> ReceivedChunks,
    IReadOnlyList<int> MissingChunks,
    DateTimeOffset ExpiresAt);

internal static class GetUploadHandler
{
    /// <summary><c>GET /v1/uploads/{id}</c>. 200, or 404 <c>UPLOAD_NOT_FOUND</c>.</summary>
    internal static void Map(RouteGroupBuilder uploads) => uploads.MapGet("/{id}", GetAsync);

    internal static async Task<Ok<UploadView>> GetAsync(
        string id, EventStore events, TimeProvider clock, CancellationToken cancellationToken)
    {
        var upload = (await events.FoldAsync<Upload, IUploadEvent>(UploadErrors.ParseId(id), cancellationToken)).State;
        var file = upload.Session;
        return TypedResults.Ok(new UploadView(
            file.UploadId,
            NameOf(upload.StatusAt(clock.GetUtcNow())),
            file.Key,
            file.FileName,
            file.SizeBytes,
            file.ChunkSizeBytes,
            upload.Plan.TotalChunks,
            [.. upload.Chunks.Values.Select(chunk => new StoredChunk(chunk.Index, chunk.ETag, chunk.SizeBytes, Hex.Of(chunk.Crc32)))],
            [.. upload.MissingChunks],
            file.ExpiresAt));
    }

    internal static string NameOf(UploadStatus status) => status switch
    {
        UploadStatus.Open => "open",
        UploadStatus.Completing => "completing",
        UploadStatus.Verifying => "verifying",
        UploadStatus.Completed => "completed",
        UploadStatus.Aborted => "aborted",
        UploadStatus.Expired => "expired",
        UploadStatus.Lost => "lost",
        UploadStatus.Withdrawn => "withdrawn",
        _ => throw UploadErrors.NotFound(),
    };
}
