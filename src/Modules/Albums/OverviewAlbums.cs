using Albums.Contracts;
using Npgsql;
using Platform.Events;

namespace Albums;

/// <summary>The state of all albums together. Asked by every open overview at once, so one answer serves them all for a moment.</summary>
internal sealed class OverviewAlbums(NpgsqlDataSource database, EventStore store, TimeProvider clock) : IDisposable
{
    private const int MostUnderway = 8;

    private static readonly TimeSpan Lifetime = TimeSpan.FromMilliseconds(500);

    private readonly SemaphoreSlim asking = new(1);
    private AlbumsOverview? latest;
    private long askedAt;

    internal async Task<AlbumsOverview> GetAsync(CancellationToken cancellationToken)
    {
        await asking.WaitAsync(cancellationToken);
        try
        {
            if (latest is null || clock.GetElapsedTime(askedAt) > Lifetime)
            {
                latest = await AskAsync(cancellationToken);
                askedAt = clock.GetTimestamp();
            }

            return latest;
        }
        finally
        {
            asking.Release();
        }
    }

    public void Dispose() => asking.Dispose();

    private async Task<AlbumsOverview> AskAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var underway = new List<AlbumView>();
        foreach (var albumId in await PackingAsync(cancellationToken))
        {
            var album = (await store.FoldAsync<Album, IAlbumEvent>(albumId, cancellationToken)).State;
            if (album.Status is AlbumStatus.Planning or AlbumStatus.Zipping)
            {
                underway.Add(AlbumView.Of(albumId, album, now));
            }
        }

        await using var query = database.CreateCommand("""
            select
                count(*) filter (where status = 'Requested')::int,
                count(*) filter (where status in ('Planning', 'Zipping'))::int,
                count(*) filter (where status = 'Failed')::int,
                count(*) filter (where status = 'Failed' and requested_at >= $1)::int,
                (select count(*)::int from albums.album where completed_at >= $1)
            from albums.album where status in ('Requested', 'Planning', 'Zipping', 'Failed')
            """);
        query.Parameters.Add(new() { Value = now.AddDays(-1) });
        await using var row = await query.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new AlbumsOverview(
            row.GetInt32(0),
            row.GetInt32(1),
            row.GetInt32(2),
            row.GetInt32(3),
            row.GetInt32(4),
            underway.Sum(album => album.BytesPerSecond ?? 0),
            [.. underway.Take(MostUnderway)]);
    }

    // More than a fleet of workers packs at a time.
    private async Task<List<Guid>> PackingAsync(CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            "select id from albums.album where status in ('Planning', 'Zipping') order by requested_at desc, id desc limit 64");
        var found = new List<Guid>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            found.Add(rows.GetGuid(0));
        }

        return found;
    }
}
