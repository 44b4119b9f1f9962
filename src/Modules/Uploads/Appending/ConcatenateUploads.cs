using Platform.Costs;
using Platform.Events;
using Platform.Storage;

namespace Uploads;

/// <summary>Makes one file from complete pieces, in order. A piece may be used several times, in one file or in several.</summary>
/// <param name="Pieces">Uploads with <see cref="AppendTerms.IsPartial"/>.</param>
/// <param name="File">What is to become of them; its size is theirs.</param>
internal sealed record ConcatenateUploads(IReadOnlyList<Guid> Pieces, CreateUpload File);

// Parts of the file are ranges of the pieces. One that lies within a single piece is copied by the store; one that crosses from one piece to
// the next, at most as many as there are pieces, is read from the store and sent back to it.

internal sealed class ConcatenateUploadsHandler(
    EventStore events, IObjectStorage storage, CreateUploadHandler create, CompleteUploadHandler completion, UsageLedger usage, TimeProvider clock)
{
    /// <summary>Fewer and larger parts than those that arrive: nobody holds them, and each costs a round trip.</summary>
    private const long PartSizeBytes = 64L << 20;

    private const int PartsAtATime = 4;

    private const int Attempts = 3;

    /// <summary>How long the pieces stay: a client whose answer was lost may ask again.</summary>
    private static readonly TimeSpan PieceLifetime = TimeSpan.FromHours(1);

    /// <exception cref="CommandRefusedException">A piece is none or not complete, or the file may not be what it would be.</exception>
    public async Task<Upload> ConcatenateAsync(ConcatenateUploads command, CancellationToken cancellationToken)
    {
        var pieces = new List<Upload>();
        foreach (var piece in command.Pieces)
        {
            pieces.Add((await events.FoldAsync<Upload, IUploadEvent>(piece, cancellationToken)).State);
        }

        CheckPieces(pieces, clock.GetUtcNow());
        var source = new JoinedObjects([.. pieces.Select(piece => piece.Result!).Where(piece => piece.SizeBytes > 0)]);
        var upload = await create.CreateAsync(command.File with { SizeBytes = source.SizeBytes }, PartSizeBytes, cancellationToken);
        using var charged = usage.Charge(upload.Account);
        if (source.SizeBytes > 0)
        {
            await CheckHeadAsync(upload, source, cancellationToken);
            var whole = await CopyAsync(upload, source, cancellationToken);
            await events.DecideAsync<Upload, IUploadEvent>(
                upload.Session.UploadId, upload => upload.Chunks.IsEmpty ? [whole] : [], cancellationToken);
        }

        await completion.CompleteAsync(upload.Session.UploadId, new CompleteUpload(Parts: null), CancellationToken.None);
        foreach (var piece in command.Pieces.Distinct())
        {
            await events.DecideAsync<Upload, IUploadEvent>(piece, piece => DecideExpiry(piece, clock.GetUtcNow()), CancellationToken.None);
        }

        return (await events.FoldAsync<Upload, IUploadEvent>(upload.Session.UploadId, CancellationToken.None)).State;
    }

    internal static IReadOnlyList<IUploadEvent> DecideExpiry(Upload piece, DateTimeOffset now) =>
        piece.StatusAt(now) is UploadStatus.Completed && piece.Session.ExpiresAt > now + PieceLifetime ? [new ExpirySet(now + PieceLifetime)] : [];

    private static void CheckPieces(IReadOnlyList<Upload> pieces, DateTimeOffset now)
    {
        if (!pieces.All(piece => piece.Status is not UploadStatus.Unknown && piece.IsPartial && piece.StatusAt(now) is UploadStatus.Completed))
        {
            throw new CommandRefusedException("INVALID_CONCATENATION", "Only complete partial uploads can be concatenated: one of these is none.");
        }
    }

    private async Task CheckHeadAsync(Upload upload, JoinedObjects source, CancellationToken cancellationToken)
    {
        var head = new byte[Math.Min(ContentTypes.SignatureBytes, source.SizeBytes)];
        await using var body = source.OpenRead(storage, new ByteRange(0, head.Length));
        await body.ReadExactlyAsync(head, cancellationToken);
        ContentTypes.CheckHead(upload.Session.ContentType, head);
    }

    private async Task<UploadsConcatenated> CopyAsync(Upload upload, JoinedObjects source, CancellationToken cancellationToken)
    {
        var parts = new StoredPart[upload.Plan.TotalChunks];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, parts.Length),
            new ParallelOptions { MaxDegreeOfParallelism = PartsAtATime, CancellationToken = cancellationToken },
            async (index, cancel) => parts[index] = await MakePartAsync(upload.Multipart!, upload.Plan.Slot(index), source, cancel));
        return new UploadsConcatenated(parts, source.Crc32, clock.GetUtcNow());
    }

    private async Task<StoredPart> MakePartAsync(
        MultipartUpload multipart, PartSlot slot, JoinedObjects source, CancellationToken cancellationToken)
    {
        var ranges = source.RangesOf(new ByteRange(slot.OffsetBytes, slot.SizeBytes));
        if (ranges is [var only])
        {
            return await storage.CopyPartAsync(multipart, slot, only.Object.Key, only.Range.OffsetBytes, only.Object.ETag, cancellationToken);
        }

        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var body = source.OpenRead(storage, new ByteRange(slot.OffsetBytes, slot.SizeBytes));
                return await storage.PutPartAsync(multipart, slot, body, cancellationToken);
            }
            catch (StorageException e) when (e.Error is StorageError.Unavailable && attempt < Attempts)
            {
                // The store itself sends again only what it can read again.
            }
        }
    }
}
