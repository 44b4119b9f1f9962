using Microsoft.Extensions.Logging;
using Npgsql;
using Platform;
using Platform.Costs;
using Platform.Events;
using Platform.Images;
using Platform.Jobs;
using Platform.Storage;

namespace Gallery;

/// <summary>
/// Makes thumbnails of a wedding's photos that have none, the first in the gallery first. It does so many and ends; whoever still looks at photos
/// without one has it queued again. So nothing is made that nobody looks at. Safe to repeat.
/// </summary>
internal sealed record MakeThumbnails(string WeddingId);

internal sealed class MakeThumbnailsHandler(
    NpgsqlDataSource database,
    EventStore store,
    IObjectStorage storage,
    ImageWorkers workers,
    UsageLedger usage,
    TimeProvider clock,
    ILogger<MakeThumbnailsHandler> log) : IJob<MakeThumbnails>
{
    // Half a minute on a slow machine: other light jobs wait no longer.
    private const int MostAtATime = 100;

    // As wide as a tile on a phone with three pixels a point, and on a desk with two.
    private static readonly ImageRule Rule = new([480], Webp: 72);

    // Somebody looks at the page.
    internal static readonly JobRetry Retry = new(3, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30));

    public async Task RunAsync(MakeThumbnails command, CancellationToken cancellationToken)
    {
        using var charged = usage.Charge(GalleryModule.AccountOf(command.WeddingId));
        try
        {
            await Parallel.ForEachAsync(
                await WaitingAsync(command.WeddingId, cancellationToken),
                new ParallelOptions { MaxDegreeOfParallelism = workers.Most, CancellationToken = cancellationToken },
                async (photo, cancel) => await MakeAsync(command.WeddingId, photo, cancel));
        }
        catch (StartupException e)
        {
            // Trying again changes nothing here, and whoever still looks has it queued again, perhaps for a node that has libvips.
            log.ThumbnailsCannotBeMade(e.Message, command.WeddingId);
        }
    }

    public Task GaveUpAsync(MakeThumbnails command, Exception error, CancellationToken cancellationToken)
    {
        log.ThumbnailsNotMade(error, command.WeddingId);
        return Task.CompletedTask;
    }

    private async Task MakeAsync(string weddingId, WaitingPhoto photo, CancellationToken cancellationToken)
    {
        if (!(await store.FoldAsync<PhotoThumbnail, IPhotoEvent>(photo.Id, cancellationToken)).State.IsWanted)
        {
            return; // the table follows the log by a moment
        }

        var made = await TryMakeAsync(weddingId, photo, cancellationToken);
        var state = (await store.DecideAsync<PhotoThumbnail, IPhotoEvent>(photo.Id, thumbnail => PhotoThumbnail.Decide(thumbnail, made), cancellationToken)).State;
        if (state.IsWithdrawn)
        {
            await storage.DeleteAsync(GalleryModule.KeyOf(weddingId, photo.Id), cancellationToken);
        }
    }

    private async Task<IPhotoEvent> TryMakeAsync(string weddingId, WaitingPhoto photo, CancellationToken cancellationToken)
    {
        try
        {
            IPhotoEvent? stored = null;
            await using var source = await storage.ReadAsync(photo.Key, range: null, ifMatch: null, cancellationToken);
            await workers.MakeAsync(
                source,
                photo.SizeBytes,
                Rule,
                async (variant, bytes, cancel) => stored = await StoreAsync(GalleryModule.KeyOf(weddingId, photo.Id), variant, bytes, cancel),
                cancellationToken);
            return stored!;
        }
        catch (ImageRefusedException e)
        {
            return new ThumbnailRefused(e.Message, clock.GetUtcNow());
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound)
        {
            return new ThumbnailRefused("is not in the store", clock.GetUtcNow());
        }
    }

    private async Task<ThumbnailStored> StoreAsync(string key, ImageVariant variant, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await using var body = new BufferBody(bytes, Crc32.Append(0, bytes.Span));
        var stored = await storage.PutAsync(key, body, bytes.Length, GalleryModule.ThumbnailType, cancellationToken);
        return new ThumbnailStored(key, stored.ETag, variant.Width, variant.Height, bytes.Length, clock.GetUtcNow());
    }

    private async Task<List<WaitingPhoto>> WaitingAsync(string weddingId, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            "select photo_id, key, size_bytes from gallery.photo where wedding_id = $1 and thumbnail = 'Waiting' order by taken_at, photo_id limit $2");
        query.Parameters.Add(new() { Value = weddingId });
        query.Parameters.Add(new() { Value = MostAtATime });
        var photos = new List<WaitingPhoto>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            photos.Add(new WaitingPhoto(rows.GetGuid(0), rows.GetString(1), rows.GetInt64(2)));
        }

        return photos;
    }

    private sealed record WaitingPhoto(Guid Id, string Key, long SizeBytes);
}
