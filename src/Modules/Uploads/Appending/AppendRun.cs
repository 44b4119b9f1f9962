// The bytes of an upload are cut into equal parts. Of a request's body each part is held until it is whole, then stored, then recorded
// (ChunkStored), while the next one is received already. What is left when the body ends is stored as a piece of the tail and recorded
// (TailKept); the append that fills the part later loads the tail in front of its own bytes. A crash
//   before a part or piece is stored     loses what the request brought since the last event: none of it was acknowledged;
//   between the store and our event      too: the same part is stored again over it, and the piece goes with the upload.
// Whoever took the upload over meanwhile moved its stream on: the event fails, and what was stored is nobody's.
// A request that was interrupted, and whose store does not answer, ends as in a crash.
// A body with promised digests counts whole or not at all: its events are recorded together, once it turned out to be what was promised.

using System.Runtime.ExceptionServices;
using Platform.Events;
using Platform.Storage;

namespace Uploads;

/// <summary>What every append works with.</summary>
internal sealed record AppendServices(EventStore Events, IObjectStorage Storage, TailStore Tails, PartBuffers Buffers, TimeProvider Clock);

/// <summary>One append: puts its body into the store, and records it.</summary>
/// <param name="upload">Ready for the append, at the version its events are to follow.</param>
/// <param name="lengthBytes">Of the file, where it is known.</param>
/// <param name="graceEnded">Ends the waiting for the store.</param>
internal sealed class AppendRun(
    AppendServices services, AppendToUpload command, Folded<Upload> upload, AppendBody body, long? lengthBytes, CancellationToken graceEnded)
{
    private readonly Guid uploadId = command.UploadId;
    private readonly long partSizeBytes = upload.State.Appended!.PartSizeBytes;
    private readonly List<IUploadEvent> unrecorded = [];
    private readonly List<TailKept> kept = [];
    private readonly List<TailKept> replaced = [];
    private Folded<Upload> upload = upload;

    private AppendState Appended => upload.State.Appended!;

    /// <summary>Returns the upload after it. What a broken body brought is recorded before its failure is thrown.</summary>
    public async Task<Upload> ReceiveAsync()
    {
        if (lengthBytes is { } length && !Appended.IsLengthKnown)
        {
            unrecorded.Add(new LengthDeclared(length, services.Clock.GetUtcNow()));
        }

        var storing = Task.CompletedTask;
        var part = command.OffsetBytes < lengthBytes || lengthBytes is null || Appended.Tail.Count > 0 ? Open(command.OffsetBytes) : null;
        try
        {
            while (part is not null)
            {
                await FillAsync(part);
                await storing;
                if (!part.IsFull)
                    break;
                storing = StoreAsync(part);
                part = part.EndBytes == lengthBytes ? null : Open(part.EndBytes);
            }

            await storing;
            await EndAsync(part);
            return upload.State;
        }
        finally
        {
            await storing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            part?.Dispose();
            await services.Tails.DeleteAsync(kept, graceEnded);
        }
    }

    private OpenPart Open(long beginBytes)
    {
        var offset = beginBytes / partSizeBytes * partSizeBytes;
        var full = Math.Min(offset + partSizeBytes, lengthBytes ?? long.MaxValue);
        return new OpenPart(services.Buffers.Rent(full - offset), offset, beginBytes, full);
    }

    private async Task FillAsync(OpenPart part)
    {
        if (part.EndBytes == 0)
        {
            // A file of the wrong kind is refused by its first bytes rather than by its first part.
            await part.FillAsync(body, ContentTypes.SignatureBytes);
            if (part.EndBytes == ContentTypes.SignatureBytes)
            {
                CheckHead(part);
            }
        }

        await part.FillAsync(body);
    }

    /// <param name="rest">What did not fill a part; <see langword="null"/> where the file is all stored.</param>
    private async Task EndAsync(OpenPart? rest)
    {
        await body.ExpectEndAsync();
        if (body.BrokenBy is { } broken)
        {
            if (rest is { HasNewBytes: true } && !command.Digests.MustMatch)
            {
                await KeepAsync(rest);
            }

            ExceptionDispatchInfo.Throw(broken);
        }

        command.Digests.Check();
        var end = rest?.EndBytes ?? lengthBytes;
        var isLast = command.IsLast is true && (lengthBytes ?? end) == end;
        if (isLast && lengthBytes is null)
        {
            unrecorded.Add(new LengthDeclared(end!.Value, services.Clock.GetUtcNow()));
        }

        if (isLast && rest is not null && rest.EndBytes > rest.OffsetBytes)
        {
            await StoreAsync(rest);
        }
        else if (rest is { HasNewBytes: true })
        {
            await KeepAsync(rest);
        }

        await CommitAsync();
        if (command.IsLast is true && !isLast)
        {
            throw AppendErrors.InconsistentLength();
        }
    }

    private async Task StoreAsync(OpenPart part)
    {
        using (part)
        {
            var tail = TailOf(part);
            var slot = new PartSlot((int)(part.OffsetBytes / partSizeBytes) + 1, part.OffsetBytes, part.EndBytes - part.OffsetBytes);
            var stored = await OrLostAsync(async () =>
            {
                var (from, crc32) = await part.LoadAsync(tail, services.Tails, graceEnded);
                if (part.OffsetBytes == 0)
                {
                    CheckHead(part);
                }

                var put = await services.Storage.PutPartAsync(upload.State.Multipart!, slot, part.OpenRead(from, crc32), graceEnded);
                return new ChunkStored(slot.Number - 1, put.ETag, slot.SizeBytes, crc32, services.Clock.GetUtcNow());
            });
            replaced.AddRange(tail);
            await RecordAsync(stored);
        }
    }

    private async Task KeepAsync(OpenPart part)
    {
        var takenUp = TailStore.TakenUpBy(TailOf(part), part.NewSizeBytes);
        var piece = await OrLostAsync(async () =>
        {
            var (from, crc32) = await part.LoadAsync(takenUp, services.Tails, graceEnded);
            return await services.Tails.KeepAsync(uploadId, from, part.EndBytes - from, crc32, part.OpenRead(from, crc32), graceEnded);
        });
        kept.Add(piece);
        replaced.AddRange(takenUp);
        await RecordAsync(piece);
    }

    private TailKept[] TailOf(OpenPart part) => [.. Appended.Tail.Where(piece => piece.OffsetBytes >= part.OffsetBytes)];

    private Task RecordAsync(IUploadEvent e)
    {
        unrecorded.Add(e);
        return command.Digests.MustMatch ? Task.CompletedTask : CommitAsync();
    }

    private async Task CommitAsync()
    {
        // Where the append fails otherwise than by a conflict its events may be there all the same, and their pieces count.
        var recorded = kept.ToArray();
        kept.Clear();
        try
        {
            upload = await services.Events.AppendAsync(uploadId, upload, unrecorded, CancellationToken.None);
        }
        catch (StreamConflictException)
        {
            await services.Tails.DeleteAsync(recorded, graceEnded);
            var newer = await services.Events.FoldAsync<Upload, IUploadEvent>(uploadId, CancellationToken.None);
            newer.State.MustBeOpen(services.Clock.GetUtcNow());
            throw AppendErrors.Superseded();
        }

        unrecorded.Clear();
        await services.Tails.DeleteAsync(replaced, graceEnded);
        replaced.Clear();
    }

    private void CheckHead(OpenPart part) => ContentTypes.CheckHead(upload.State.Session.ContentType, part.Head(ContentTypes.SignatureBytes));

    /// <summary>Where the store has lost what it acknowledged, the upload is over: its offset would have to go back.</summary>
    private async Task<T> OrLostAsync<T>(Func<Task<T>> store)
    {
        try
        {
            return await store();
        }
        catch (StorageException e) when (e.Error is StorageError.MultipartNotFound or StorageError.NotFound or StorageError.PreconditionFailed)
        {
            var now = services.Clock.GetUtcNow();
            var gone = await services.Events.DecideAsync<Upload, IUploadEvent>(
                uploadId, upload => upload.Status is UploadStatus.Open ? [new UploadLost(now)] : [], CancellationToken.None);
            await TailStore.DeleteAllAsync(services.Storage, gone.State, CancellationToken.None);
            throw gone.State.Refusal(now);
        }
    }
}
