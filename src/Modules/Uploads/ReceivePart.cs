using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.ExceptionServices;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Costs;
using Platform.Events;
using Platform.Storage;

namespace Uploads;

/// <summary>The store has the chunk and the stream says so: it is never asked for again.</summary>
/// <param name="Crc32">Eight hex digits.</param>
internal sealed record StoredChunk(int ChunkIndex, [property: JsonPropertyName("etag")] string ETag, long SizeBytes, string Crc32);

/// <summary>
/// Takes one chunk of an upload, in any order and beside others, and passes its bytes to the store as they arrive. Sent again with
/// the same bytes it changes nothing; with other bytes, the later one counts.
/// </summary>
internal sealed class ReceivePartHandler(EventStore events, IObjectStorage storage, UploadsAtWork atWork, UsageLedger usage, TimeProvider clock)
{
    /// <summary>
    /// <c>PUT|POST /v1/uploads/{id}/chunk</c> with <c>X-Chunk-Index</c> and the bytes as body. 200 once the store has the chunk and the
    /// stream says so.
    /// </summary>
    internal static void Map(RouteGroupBuilder uploads) => uploads
        .MapMethods("/{id}/chunk", [HttpMethods.Put, HttpMethods.Post], PutAsync)

        // Kestrel's 30 MB would refuse most chunks. ChunkBody knows each chunk's exact size and stops there.
        .WithMetadata(new DisableRequestSizeLimitAttribute());

    internal static async Task<Ok<StoredChunk>> PutAsync(
        string id,
        [FromHeader(Name = "X-Chunk-Index")] string? chunkIndex,
        [FromHeader(Name = "X-Upload-Id")] string? namedId,
        [AsParameters] ChecksumFields promised,
        HttpRequest request,
        ReceivePartHandler handler,
        HttpResponse response,
        CancellationToken cancellationToken)
    {
        var uploadId = UploadErrors.ParseId(id);
        if (namedId is not null && !(Guid.TryParse(namedId, out var named) && named == uploadId))
        {
            throw new CommandRefusedException("UPLOAD_ID_MISMATCH", "X-Upload-Id is not the upload of the address.");
        }

        using var checksums = new ChunkChecksums(promised, request.HttpContext.Features.Get<IHttpRequestTrailersFeature>());
        var chunk = await handler.ReceiveAsync(uploadId, IndexOf(chunkIndex), checksums, request, cancellationToken);
        response.Headers.ETag = $"\"{chunk.ETag}\"";
        return TypedResults.Ok(new StoredChunk(chunk.Index, chunk.ETag, chunk.SizeBytes, Hex.Of(chunk.Crc32)));
    }

    internal static IReadOnlyList<IUploadEvent> Decide(Upload upload, ChunkStored chunk)
    {
        upload.MustBeOpen(chunk.StoredAt);
        return upload.Chunks.TryGetValue(chunk.Index, out var known) && known with { StoredAt = chunk.StoredAt } == chunk ? [] : [chunk];
    }

    /// <summary>Takes the request's body for the chunk of that index. Endpoints lift the limit of bodies: ChunkBody knows each chunk's exact size.</summary>
    internal async Task<ChunkStored> ReceiveAsync(
        Guid uploadId, int index, ChunkChecksums checksums, HttpRequest request, CancellationToken cancellationToken)
    {
        var upload = await FindOpenAsync(uploadId, cancellationToken);
        var slot = upload.State.Plan.Slot(index);
        if (request.ContentLength is { } length && length != slot.SizeBytes)
        {
            throw ChunkBody.SizeRefusal(length, slot.SizeBytes);
        }

        using var charged = usage.Charge(upload.State.Account);
        using var work = atWork.Join(uploadId);
        if (!work.TryTake(index))
        {
            throw new CommandRefusedException("CHUNK_IN_PROGRESS", "Another request is sending this chunk. Try again in a moment.")
            {
                RetryAfter = TimeSpan.FromSeconds(1),
            };
        }

        try
        {
            using var body = new ChunkBody(request.BodyReader, slot.SizeBytes, checksums);
            if (index == 0 && !await BeginsLikeAsync(upload.State.Session.ContentType, request.BodyReader, cancellationToken))
            {
                await RejectAsync(uploadId, cancellationToken);
            }

            var part = await StoreAsync(upload.State, slot, body, cancellationToken);

            // The bytes are safe: recorded even if the client has hung up meanwhile, so that it need not send them again.
            var chunk = new ChunkStored(index, part.ETag, slot.SizeBytes, body.Crc32, clock.GetUtcNow());
            var after = await work.DecideAsync(events, uploadId, upload, upload => Decide(upload, chunk));
            return after.Chunks[index];
        }
        finally
        {
            work.Give(index);
        }
    }

    /// <summary>
    /// The upload as this process knows it, without a look at the stream. Where another process has ended it meanwhile, the store or the
    /// append refuses the chunk; where one has opened it again, a look tells.
    /// </summary>
    private async Task<Folded<Upload>> FindOpenAsync(Guid uploadId, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var upload = await events.RecallAsync<Upload, IUploadEvent>(uploadId, cancellationToken);
        if (upload.State.StatusAt(now) is not UploadStatus.Open)
        {
            upload = await events.FoldAsync<Upload, IUploadEvent>(uploadId, cancellationToken);
        }

        if (upload.State.Appended is not null)
        {
            throw UploadErrors.NotFound();
        }

        upload.State.MustBeOpen(now);
        return upload;
    }

    private async Task<StoredPart> StoreAsync(Upload upload, PartSlot slot, ChunkBody body, CancellationToken cancellationToken)
    {
        try
        {
            return await storage.PutPartAsync(upload.Multipart!, slot, body, cancellationToken);
        }
        catch (Exception e) when (body.Failure is not null && body.Failure != e)
        {
            // The store reports that it could not send the body; what matters is why.
            ExceptionDispatchInfo.Throw(body.Failure);
            throw;
        }
        catch (StorageException e) when (e.Error is StorageError.MultipartNotFound)
        {
            // Completed or aborted meanwhile, or discarded in the bucket behind our back.
            var now = clock.GetUtcNow();
            var gone = await events.DecideAsync<Upload, IUploadEvent>(
                upload.Session.UploadId, upload => upload.Status is UploadStatus.Open ? [new UploadLost(now)] : [], cancellationToken);
            throw gone.State.Refusal(now);
        }
    }

    private static async Task<bool> BeginsLikeAsync(string contentType, PipeReader body, CancellationToken cancellationToken)
    {
        var read = await body.ReadAtLeastAsync(ContentTypes.SignatureBytes, cancellationToken);
        var head = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, ContentTypes.SignatureBytes)).ToArray();
        body.AdvanceTo(read.Buffer.Start);
        return ContentTypes.Agrees(contentType, head);
    }

    /// <summary>Ends an upload that is not what it said. The first chunk may come last: those before it go, too.</summary>
    private async Task RejectAsync(Guid uploadId, CancellationToken cancellationToken)
    {
        var aborted = new UploadAborted(clock.GetUtcNow(), UploadErrors.ContentTypeMismatchCode);
        var upload = (await events.DecideAsync<Upload, IUploadEvent>(
            uploadId, upload => upload.Status is UploadStatus.Open ? [aborted] : [], cancellationToken)).State;
        if (upload.Status is UploadStatus.Aborted)
        {
            try
            {
                await AbortUploadHandler.DiscardPartsAsync(upload, events, storage, clock, cancellationToken);
            }
            catch (StorageException)
            {
                // What matters to the client is why. The sweep discards the parts.
            }
        }

        throw upload.Refusal(clock.GetUtcNow());
    }

    private static int IndexOf(string? header) => int.TryParse(header, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
        ? index
        : throw UploadErrors.ChunkIndex("X-Chunk-Index must be the number of the chunk, from 0.");
}
