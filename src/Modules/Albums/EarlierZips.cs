using Albums.Contracts;
using Albums.Zip;
using Npgsql;
using Platform.Events;
using Platform.Storage;

namespace Albums;

/// <summary>
/// Finds the ZIP that an album has most in common with: the edition that a replay replaces, else the wedding's last one. What came in since
/// stands behind what was there, so most of an album that is requested again is in the store as it will be.
/// </summary>
internal sealed class EarlierZips(NpgsqlDataSource database, EventStore store)
{
    /// <returns><see langword="null"/> where there is none that the store could copy parts from.</returns>
    internal async Task<EarlierZip?> FindAsync(IObjectStorage storage, Album album, ZipPlan plan, CancellationToken cancellationToken)
    {
        if (!storage.CopiesAreSound || plan.VolumeCount > 1)
        {
            return null;
        }

        var (frozen, zip) = album.Standing is { } standing
            ? (standing.Plan, standing.Completed)
            : await LastOfAsync(album.Request!.WeddingId, cancellationToken);
        if (frozen is not { VolumeCount: 1 } || zip is null || await storage.HeadAsync(zip.Key, cancellationToken) is not { } stored || stored.ETag != zip.ETag)
        {
            return null;
        }

        try
        {
            return EarlierZip.Of(plan, await ZipPlan.LoadAsync(storage, frozen, cancellationToken), stored);
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound)
        {
            return null; // somebody deletes the album at this moment
        }
    }

    private async Task<(PlanFrozen?, AlbumCompleted?)> LastOfAsync(string weddingId, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            "select id from albums.album where wedding_id = $1 and status = 'Completed' order by completed_at desc limit 1");
        query.Parameters.Add(new() { Value = weddingId });
        if (await query.ExecuteScalarAsync(cancellationToken) is not Guid id)
        {
            return (null, null);
        }

        var last = (await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken)).State;
        return (last.Plan, last.Completed);
    }
}
