using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Costs;
using Platform.Events;
using Platform.Storage;
using Uploads.Contracts;

namespace Uploads;

/// <summary>Makes the object from its chunks. Safe to repeat: a complete upload answers as it did the first time.</summary>
/// <param name="Parts">What the client believes to have sent: every chunk with the ETag it got. Empty for an empty file.</param>
internal sealed record CompleteUpload(IReadOnlyList<SentChunk?>? Parts);

internal sealed record SentChunk(int ChunkIndex, string? ETag);

/// <param name="Crc32">Of the whole file, eight hex digits.</param>
internal sealed record CompletedUpload(Guid UploadId, string Key, long SizeBytes, string Crc32);

// CompletionStarted goes first and fences chunks; the store's completion follows, and UploadCompleted claims it. A crash
//   before CompletionStarted          leaves an open upload;
//   after it                          leaves it Completing: the next complete (after CompletionLease, on another node) goes on;
//   between the store and our event   does too: the store then knows no such multipart upload, and HEAD finds the object. No other
//                                     upload has its key, so it is ours.

/// <summary>Completes uploads, exactly once each.</summary>
internal sealed class CompleteUploadHandler(
    EventStore events,
    IObjectStorage storage,
    Quotas quotas,
    ReprDigests digests,
    MediaReader media,
    UploadsAtWork atWork,
    ThisNode node,
    UsageLedger usage,
    TimeProvider clock)
{
    /// <summary>
    /// <c>POST /v1/uploads/{id}/complete</c>. 200, or 403 <c>QUOTA_EXCEEDED</c>, 409 <c>MISSING_PARTS</c>, <c>ETAG_MISMATCH</c>, <c>COMPLETE_IN_PROGRESS</c>, or 410.
    /// </summary>
    internal static void Map(RouteGroupBuilder uploads) => uploads.MapPost("/{id}/complete", PostAsync);

    internal static async Task<Ok<CompletedUpload>> PostAsync(
        string id, CompleteUpload command, CompleteUploadHandler handler, CancellationToken cancellationToken)
    {
        var upload = await handler.CompleteAsync(UploadErrors.ParseId(id), command, cancellationToken);
        var completed = upload.Result ?? throw UploadErrors.CompleteInProgress();
        return TypedResults.Ok(new CompletedUpload(completed.UploadId, completed.Key, completed.SizeBytes, Hex.Of(completed.Crc32)));
    }

    /// <summary>
    /// Returns the upload, complete or, where its bytes are still to be read (<see cref="VerifyUpload"/>), being verified. Waits while another
    /// request completes the same upload.
    /// </summary>
    /// <param name="cancellationToken">Ends the waiting. Once begun, the completion goes on without the client.</param>
    /// <param name="isVerified">The bytes have the digest that was promised for the file: it need not be read again.</param>
    public async Task<Upload> CompleteAsync(
        Guid uploadId, CompleteUpload command, CancellationToken cancellationToken, bool isVerified = false)
    {
        using var work = atWork.Join(uploadId);
        using var turn = await work.TakeTurnAsync(cancellationToken);
        await quotas.CheckAsync(uploadId, cancellationToken);
        var upload = await DecideAsync(uploadId, upload => Decide(upload, command, node.Name, clock.GetUtcNow()));
        using var charged = usage.Charge(upload.Account);
        if (upload.Status is UploadStatus.Completing)
        {
            var stored = await StoreAsync(upload);
            await TailStore.DeleteAllAsync(storage, upload, CancellationToken.None);
            if (!isVerified && await digests.DiffersAsync(upload, stored))
            {
                await DecideAsync(uploadId, upload => DecideUnfit(upload, UploadErrors.ReprDigestMismatchCode, clock.GetUtcNow()));
                throw UploadErrors.Damaged();
            }

            var isWhole = stored?.SizeBytes == upload.Session.SizeBytes;
            if (isWhole && upload.UnseenChunks.Contains(0) && !await BeginsLikeAsync(stored!, upload.Session.ContentType))
            {
                upload = await DecideAsync(uploadId, upload => DecideUnfit(upload, UploadErrors.ContentTypeMismatchCode, clock.GetUtcNow()));
                await AbortUploadHandler.DiscardPartsAsync(upload, events, storage, clock, CancellationToken.None);
                throw upload.Refusal(clock.GetUtcNow());
            }

            var seen = isWhole && upload.UnreadChunks.IsEmpty ? await media.ReadAsync(stored!, upload.Session.ContentType) : null;
            upload = await DecideAsync(uploadId, upload => DecideCompleted(upload, stored, seen, clock.GetUtcNow()));
        }

        return upload.Status is UploadStatus.Completed or UploadStatus.Verifying ? upload : throw upload.Refusal(clock.GetUtcNow());
    }

    internal static IReadOnlyList<IUploadEvent> Decide(Upload upload, CompleteUpload command, string node, DateTimeOffset now)
    {
        switch (upload.StatusAt(now))
        {
            case UploadStatus.Completed or UploadStatus.Verifying:
            case UploadStatus.Completing when upload.Completion!.Node == node:
                return [];
            case UploadStatus.Completing when now < upload.Completion!.StartedAt + Upload.CompletionLease:
                throw UploadErrors.CompleteInProgress();
            case UploadStatus.Completing:
                break;
            default:
                upload.MustBeOpen(now);
                if (upload.Appended is { } appended)
                {
                    CheckIsWhole(upload, appended);
                }
                else
                {
                    CheckParts(upload, [.. (command.Parts ?? []).OfType<SentChunk>()]);
                }

                break;
        }

        return [new CompletionStarted(node, now)];
    }

    /// <param name="stored">What the store has under the key; <see langword="null"/> where it has neither parts nor object.</param>
    internal static IReadOnlyList<IUploadEvent> DecideCompleted(
        Upload upload, StoredObject? stored, UploadedMedia? media, DateTimeOffset now) =>
        upload.Status switch
        {
            // Lost: another node looked while this one's completion was under way.
            UploadStatus.Completing or UploadStatus.Lost when stored?.SizeBytes == upload.Session.SizeBytes =>
                [Completed(upload, stored, media, now)],
            UploadStatus.Completing => [new UploadLost(now)],
            _ => [],
        };

    internal static IReadOnlyList<IUploadEvent> DecideRefused(Upload upload, IReadOnlyList<StoredPart> parts, DateTimeOffset now)
    {
        var etags = parts.ToDictionary(part => part.Number - 1, part => part.ETag);
        int[] wrong = [.. upload.Chunks.Keys.Where(index => etags.GetValueOrDefault(index) != upload.Chunks[index].ETag)];
        return upload.Status is UploadStatus.Completing && wrong.Length > 0
            ? [upload.Appended is null ? new ChunksInvalidated(wrong, now) : new UploadLost(now)]
            : [];
    }

    /// <summary>The file is there but is not what the client promised.</summary>
    /// <param name="reason">The code of what is wrong with it.</param>
    internal static IReadOnlyList<IUploadEvent> DecideUnfit(Upload upload, string reason, DateTimeOffset now) =>
        upload.Status is UploadStatus.Completing ? [new UploadAborted(now, reason)] : [];

    private static IUploadEvent Completed(Upload upload, StoredObject stored, UploadedMedia? media, DateTimeOffset now) => upload switch
    {
        { UnreadChunks.IsEmpty: false } => new UploadStored(stored.ETag, now),
        { IsPartial: true } => new PartialCompleted(stored.ETag, upload.Crc32, now),
        _ => upload.CompletedAs(stored.ETag, upload.Crc32, now) with { Media = media },
    };

    private static void CheckIsWhole(Upload upload, AppendState appended)
    {
        if (!appended.IsLengthKnown || appended.OffsetBytes != upload.Session.SizeBytes)
        {
            throw new CommandRefusedException("MISSING_PARTS", "Bytes are missing. Append them first.");
        }
    }

    private static void CheckParts(Upload upload, IReadOnlyList<SentChunk> sent)
    {
        // Refuses what the file has no chunk for.
        foreach (var chunk in sent)
        {
            upload.Plan.Slot(chunk.ChunkIndex);
        }

        var named = sent.Select(chunk => chunk.ChunkIndex).ToHashSet();
        int[] missing = [.. upload.MissingChunks.Union(upload.Chunks.Keys.Where(index => !named.Contains(index))).Order()];
        if (missing.Length > 0)
        {
            throw new CommandRefusedException("MISSING_PARTS", "Chunks are missing. Send them and complete again.")
            {
                Members = new Dictionary<string, object?> { ["missingChunks"] = missing },
            };
        }

        var others = sent.Where(chunk => chunk.ETag?.Trim('"') != upload.Chunks[chunk.ChunkIndex].ETag);
        int[] wrong = [.. others.Select(chunk => chunk.ChunkIndex).Distinct()];
        if (wrong.Length > 0)
        {
            throw EtagMismatch(wrong);
        }
    }

    private static CommandRefusedException EtagMismatch(IReadOnlyList<int> chunks) =>
        new("ETAG_MISMATCH", "Chunks are stored with other bytes than given here. Ask for the status and send what is missing.")
        {
            Members = new Dictionary<string, object?> { ["mismatchedChunks"] = chunks },
        };

    private async Task<StoredObject?> StoreAsync(Upload upload)
    {
        var file = upload.Session;
        if (upload.Multipart is not { } multipart || upload.Chunks.IsEmpty)
        {
            // That of a file whose length was not known, and turned out to be nothing: no store makes an object of no parts.
            await (upload.Multipart is { } unused ? storage.AbortMultipartAsync(unused, CancellationToken.None) : Task.CompletedTask);
            return await storage.HeadAsync(file.Key, CancellationToken.None)
                ?? await storage.PutAsync(file.Key, Stream.Null, 0, file.ContentType, CancellationToken.None);
        }

        try
        {
            return await storage.CompleteMultipartAsync(multipart, [.. upload.Parts], CancellationToken.None);
        }
        catch (StorageException e) when (e.Error is StorageError.MultipartNotFound)
        {
            return await storage.HeadAsync(file.Key, CancellationToken.None);
        }
        catch (StorageException e) when (e.Error is StorageError.PartsRefused)
        {
            var parts = await storage.ListPartsAsync(multipart, CancellationToken.None);
            var reopened = await DecideAsync(file.UploadId, upload => DecideRefused(upload, parts, clock.GetUtcNow()));
            if (reopened.Status is UploadStatus.Open)
                throw EtagMismatch([.. reopened.MissingChunks]);
            if (reopened.Status is UploadStatus.Lost)
                throw reopened.Refusal(clock.GetUtcNow());
            throw;
        }
    }

    private async Task<bool> BeginsLikeAsync(StoredObject stored, string contentType)
    {
        var head = new byte[Math.Min(ContentTypes.SignatureBytes, stored.SizeBytes)];
        await using var body = await storage.ReadAsync(stored.Key, new ByteRange(0, head.Length), stored.ETag, CancellationToken.None);
        await body.ReadExactlyAsync(head);
        return ContentTypes.Agrees(contentType, head);
    }

    private async Task<Upload> DecideAsync(Guid uploadId, Func<Upload, IReadOnlyList<IUploadEvent>> decide) =>
        (await events.DecideAsync(uploadId, decide, CancellationToken.None)).State;
}
