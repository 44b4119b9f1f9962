using System.Globalization;
using Albums.Contracts;
using Npgsql;
using NpgsqlTypes;
using Platform.Events;

namespace Albums;

/// <summary>Finds albums in the read model, a page at a time: each page costs the same, however many albums lie before it.</summary>
internal sealed class SearchAlbums(NpgsqlDataSource database, EventStore store)
{
    private const int PageSize = 50;

    // Ids of weddings are ASCII: without a language's rules they are compared ten times faster.
    private const string Found = """
        ($1 is null or wedding_id collate "C" ilike $1 or id = $2) and (status = any($3) or ($3 is null and status <> 'Deleted')) and requested_at >= $4
        """;

    internal async Task<AlbumPage> FindAsync(AlbumSearch search, CancellationToken cancellationToken)
    {
        var (column, direction, beyond) = search.Sort switch
        {
            AlbumSort.Oldest => ("requested_at", "asc", ">"),
            AlbumSort.Largest => ("coalesce(size_bytes, 0)", "desc", "<"),
            AlbumSort.Wedding => ("wedding_id", "asc", ">"),
            _ => ("requested_at", "desc", "<"),
        };
        await using var query = database.CreateCommand($"""
            select id, wedding_id, status, requested_at, completed_at, size_bytes from albums.album
            where {Found} and ($5 is null or ({column}, id) {beyond} (select {column}, id from albums.album where id = $5))
            order by {column} {direction}, id {direction} limit {PageSize + 1}
            """);
        AddConditions(query, search);
        Add(query, search.After, NpgsqlDbType.Uuid);
        var albums = new List<AlbumSummary>(PageSize + 1);
        await using (var rows = await query.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                albums.Add(new AlbumSummary(
                    rows.GetGuid(0),
                    rows.GetString(1),
                    Enum.Parse<AlbumStatus>(rows.GetString(2)),
                    rows.GetFieldValue<DateTimeOffset>(3),
                    rows.IsDBNull(4) ? null : rows.GetFieldValue<DateTimeOffset>(4),
                    rows.IsDBNull(5) ? null : rows.GetInt64(5),
                    PackedBytes: null));
            }
        }

        var page = await Task.WhenAll(albums.Take(PageSize).Select(album => WithProgressAsync(album, cancellationToken)));
        return new AlbumPage(page, await CountAsync(search, cancellationToken), albums.Count > PageSize);
    }

    /// <summary>The newest album of a wedding that was not deleted.</summary>
    internal async Task<Guid?> LatestOfAsync(string weddingId, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            "select id from albums.album where wedding_id = $1 and status <> 'Deleted' and not is_selection order by requested_at desc, id desc limit 1");
        query.Parameters.Add(new() { Value = weddingId });
        return await query.ExecuteScalarAsync(cancellationToken) as Guid?;
    }

    /// <summary>The next albums of a bulk action, in the order of their ids, which is that of their requests.</summary>
    internal async Task<IReadOnlyList<Guid>> PageAsync(BulkRequested bulk, Guid? after, int limit, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            $"select id from albums.album where {Found} and requested_at <= $5 and ($6 is null or id > $6) and status <> 'Deleted' order by id limit $7");
        AddConditions(query, new AlbumSearch(bulk.Text, bulk.Statuses, bulk.RequestedFrom));
        Add(query, bulk.At, NpgsqlDbType.TimestampTz);
        Add(query, after, NpgsqlDbType.Uuid);
        Add(query, limit, NpgsqlDbType.Integer);
        var ids = new List<Guid>(limit);
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            ids.Add(rows.GetGuid(0));
        }

        return ids;
    }

    /// <summary>How many albums a search finds, up to <see cref="AlbumPage.MostCounted"/>.</summary>
    internal async Task<int> CountAsync(AlbumSearch search, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            $"select count(*)::int from (select from albums.album where {Found} limit {AlbumPage.MostCounted}) found");
        AddConditions(query, search);
        return (int)(await query.ExecuteScalarAsync(cancellationToken))!;
    }

    // Few albums are being packed at a time, and their states are in memory.
    private async Task<AlbumSummary> WithProgressAsync(AlbumSummary album, CancellationToken cancellationToken) =>
        album.Status is not AlbumStatus.Zipping
            ? album
            : album with { PackedBytes = (await store.FoldAsync<Album, IAlbumEvent>(album.AlbumId, cancellationToken)).State.StoredBytes };

    private static void AddConditions(NpgsqlCommand query, AlbumSearch search)
    {
        var text = search.Text?.Trim() is { Length: > 0 } given ? given : null;
        var pattern = text is null ? null : $"%{Escaped(text)}%";
        Add(query, pattern, NpgsqlDbType.Text);
        Add(query, Guid.TryParse(text, CultureInfo.InvariantCulture, out var id) ? id : null, NpgsqlDbType.Uuid);
        Add(query, search.Statuses is { Count: > 0 } any ? any.Select(status => status.ToString()).ToArray() : null, NpgsqlDbType.Array | NpgsqlDbType.Text);
        Add(query, search.RequestedFrom ?? DateTimeOffset.UnixEpoch, NpgsqlDbType.TimestampTz);
    }

    private static string Escaped(string text) => text
        .Replace(@"\", @"\\", StringComparison.Ordinal)
        .Replace("%", @"\%", StringComparison.Ordinal)
        .Replace("_", @"\_", StringComparison.Ordinal);

    private static void Add(NpgsqlCommand query, object? value, NpgsqlDbType type) =>
        query.Parameters.Add(new() { Value = value ?? DBNull.Value, NpgsqlDbType = type });
}
