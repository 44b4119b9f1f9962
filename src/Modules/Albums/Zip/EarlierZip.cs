using Albums.Contracts;
using Npgsql;
using Platform.Events;
using Platform.Storage;

namespace Albums.Zip;

/// <summary>Finds the ZIP that was made before of the same wedding's uploads: most of the next one's bytes stand in it already.</summary>
internal sealed class EarlierZips(NpgsqlDataSource database, EventStore store)
{
    /// <returns>The newest complete one; <see langword="null"/> where there is none, or the album is not of all uploads.</returns>
    internal async Task<EarlierZip?> FindAsync(
        IObjectStorage storage, Guid albumId, AlbumRequested request, CancellationToken cancellationToken)
    {
        if (request is not { Files.Count: 0, Prefix: null })
        {
            return null;
        }

        await using var query = database.CreateCommand(
            """
            select id from albums.album where wedding_id = $1 and id <> $2 and status = 'Completed'
            order by completed_at desc nulls last limit 1
            """);
        query.Parameters.Add(new() { Value = request.WeddingId });
        query.Parameters.Add(new() { Value = albumId });
        if (await query.ExecuteScalarAsync(cancellationToken) is not Guid earlier
            || (await store.FoldAsync<Album, IAlbumEvent>(earlier, cancellationToken)).State is not
                { Status: AlbumStatus.Completed, Completed: { } zip, Plan: { } frozen })
        {
            return null;
        }

        try
        {
            return new EarlierZip(zip, await ZipPlan.LoadAsync(storage, frozen, cancellationToken));
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound)
        {
            return null;
        }
    }
}

/// <summary>
/// A finished ZIP, as a source of parts for another. Local headers do not say where they stand, so a run of the same files in the same
/// order is the same bytes wherever it lies: the store copies them, and nothing of it is read.
/// </summary>
internal sealed class EarlierZip(AlbumCompleted zip, ZipPlan plan)
{
    private readonly ZipLayout layout = new(plan);

    // Files whose CRC Uploads computed: it stands in both headers, and was compared with the bytes when they were packed.
    private readonly Dictionary<PlannedEntry, int> entries = plan.Entries.Index()
        .Where(entry => entry.Item.Crc32 is not null)
        .ToDictionary(entry => Comparable(entry.Item), entry => entry.Index);

    /// <summary>Lets the store fill a part, where this ZIP has its bytes.</summary>
    /// <returns><see langword="null"/> where it has not, or has gone meanwhile: the part is to be packed.</returns>
    internal async Task<PartStored?> CopyAsync(
        IObjectStorage storage, MultipartUpload upload, ZipPlan wanted, ZipLayout target, int number, TimeProvider clock, CancellationToken cancellationToken)
    {
        var slot = target.Part(number);
        if (plan.LayoutVersion != wanted.LayoutVersion || OffsetOf(wanted, target, slot) is not { } offset)
        {
            return null;
        }

        try
        {
            var stored = await storage.CopyPartAsync(upload, slot, zip.Key, offset, zip.ETag, cancellationToken);
            return new PartStored(number, stored.ETag, slot.SizeBytes, [], clock.GetUtcNow());
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound or StorageError.PreconditionFailed)
        {
            return null;
        }
    }

    // Where the part's bytes begin in this ZIP.
    private long? OffsetOf(ZipPlan wanted, ZipLayout target, PartSlot slot)
    {
        long? shift = null;
        foreach (var piece in target.Pieces(slot.OffsetBytes, slot.SizeBytes))
        {
            if (piece.Kind is not (PieceKind.LocalHeader or PieceKind.Content)
                || !entries.TryGetValue(Comparable(wanted.Entries[piece.Entry]), out var entry))
            {
                return null;
            }

            var shifted = layout.OffsetOf(entry) - target.OffsetOf(piece.Entry);
            if (shift is not null && shift != shifted)
            {
                return null;
            }

            shift = shifted;
        }

        return slot.OffsetBytes + shift;
    }

    private static PlannedEntry Comparable(PlannedEntry entry) => entry with { Index = 0 };
}
