using Gallery.Contracts;
using Npgsql;
using Platform.Events;
using Platform.Jobs;
using Platform.Storage;

namespace Gallery;

/// <summary>The module's border for the portal.</summary>
internal sealed class GalleryFacade(
    NpgsqlDataSource database, EventStore store, Subscriptions subscriptions, IObjectStorage storage, JobQueue jobs, TimeProvider clock) : IGallery
{
    // Whoever marked photos looks at the list next. It follows within milliseconds, unless no worker runs.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(3);

    public async Task<PhotoPage> FindAsync(string weddingId, PhotoSearch search, CancellationToken cancellationToken)
    {
        var photos = new List<Photo>();
        var counts = await CountAsync(weddingId, cancellationToken);
        await using (var query = database.CreateCommand($"""
            select photo_id, file_name, is_film, guest_name, is_favourite, is_hidden, thumbnail from gallery.photo
            where wedding_id = $1 and {ConditionOf(search.Filter)}
            order by taken_at, photo_id offset $2 limit {PhotoSearch.PageSize}
            """))
        {
            query.Parameters.Add(new() { Value = weddingId });
            query.Parameters.Add(new() { Value = search.From });
            await using var rows = await query.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
            {
                photos.Add(new Photo(
                    rows.GetGuid(0),
                    rows.GetString(1),
                    rows.GetBoolean(2),
                    rows.IsDBNull(3) ? null : rows.GetString(3),
                    rows.GetBoolean(4),
                    rows.GetBoolean(5),
                    Enum.Parse<ThumbnailState>(rows.GetString(6))));
            }
        }

        if (photos.Exists(photo => photo.Thumbnail is ThumbnailState.Waiting))
        {
            await jobs.EnqueueAsync($"make_thumbnails/{weddingId}", new MakeThumbnails(weddingId), cancellationToken);
        }

        var total = search.Filter switch { PhotoFilter.Favourites => counts.Favourites, PhotoFilter.Hidden => counts.Hidden, _ => counts.Shown };
        var next = search.From + photos.Count;
        return new PhotoPage(photos, counts.Shown, counts.Favourites, counts.Hidden, photos.Count > 0 && next < total ? next : null);
    }

    public async Task<Thumbnail?> ThumbnailAsync(string weddingId, Guid photoId, bool includeHidden, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select thumbnail_key, thumbnail_etag, thumbnail_bytes from gallery.photo
            where photo_id = $1 and wedding_id = $2 and thumbnail = 'Ready' and ($3 or not is_hidden)
            """);
        query.Parameters.Add(new() { Value = photoId });
        query.Parameters.Add(new() { Value = weddingId });
        query.Parameters.Add(new() { Value = includeHidden });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        return await rows.ReadAsync(cancellationToken)
            ? new Thumbnail(
                await storage.ReadAsync(rows.GetString(0), range: null, rows.GetString(1), cancellationToken),
                GalleryModule.ThumbnailType,
                rows.GetInt64(2),
                rows.GetString(1))
            : null;
    }

    public async Task MarkAsync(string weddingId, MarkPhotos command, string by, CancellationToken cancellationToken)
    {
        var own = await OwnAsync(weddingId, command.PhotoIds, cancellationToken);
        await store.DecideAsync<WeddingGallery, IGalleryEvent>(
            weddingId, gallery => WeddingGallery.Decide(gallery, command with { PhotoIds = own }, by, clock.GetUtcNow()), cancellationToken);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestWait);
        try
        {
            await subscriptions.CatchUpAsync(GalleryProjection.SubscriptionName, patience.Token);
        }
        catch (Exception e) when (e is SubscriptionStoppedException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The mark is recorded; the list shows it once a worker is back.
        }
    }

    public async Task<IReadOnlyList<string>> KeysAsync(
        string weddingId, IReadOnlyCollection<Guid> photoIds, bool includeHidden, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select key from gallery.photo
            where wedding_id = $1 and case when cardinality($2) = 0 then is_favourite else photo_id = any($2) end and ($3 or not is_hidden)
            order by taken_at, photo_id
            """);
        query.Parameters.Add(new() { Value = weddingId });
        query.Parameters.Add(new() { Value = photoIds.ToArray() });
        query.Parameters.Add(new() { Value = includeHidden });
        var keys = new List<string>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            keys.Add(rows.GetString(0));
        }

        return keys;
    }

    private static string ConditionOf(PhotoFilter filter) => filter switch
    {
        PhotoFilter.Favourites => "is_favourite and not is_hidden",
        PhotoFilter.Hidden => "is_hidden",
        _ => "not is_hidden",
    };

    private async Task<List<Guid>> OwnAsync(string weddingId, IReadOnlyList<Guid> photoIds, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("select photo_id from gallery.photo where wedding_id = $1 and photo_id = any($2)");
        query.Parameters.Add(new() { Value = weddingId });
        query.Parameters.Add(new() { Value = photoIds.ToArray() });
        var own = new List<Guid>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            own.Add(rows.GetGuid(0));
        }

        return own;
    }

    private async Task<(int Shown, int Favourites, int Hidden)> CountAsync(string weddingId, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand($"""
            select count(*) filter (where {ConditionOf(PhotoFilter.Shown)})::int, count(*) filter (where {ConditionOf(PhotoFilter.Favourites)})::int,
                count(*) filter (where {ConditionOf(PhotoFilter.Hidden)})::int
            from gallery.photo where wedding_id = $1
            """);
        query.Parameters.Add(new() { Value = weddingId });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        await rows.ReadAsync(cancellationToken);
        return (rows.GetInt32(0), rows.GetInt32(1), rows.GetInt32(2));
    }
}
