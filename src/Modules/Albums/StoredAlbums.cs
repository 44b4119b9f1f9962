using System.Runtime.CompilerServices;
using Albums.Contracts;
using Npgsql;
using Platform.Costs;

namespace Albums;

/// <summary>The ZIPs that are kept. Plans, and parts of ZIPs that are being made, are not among them.</summary>
internal sealed class StoredAlbums(NpgsqlDataSource database) : IStoredBytes
{
    public async IAsyncEnumerable<(UsageAccount Account, long Bytes)> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand($"""
            select id, wedding_id, size_bytes from albums.album
            where completed_at is not null and size_bytes > 0
                and status not in ('{nameof(AlbumStatus.Cancelled)}', '{nameof(AlbumStatus.Deleted)}', '{nameof(AlbumStatus.Expired)}')
            """);
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            yield return (new UsageAccount("albums", rows.GetString(1), AlbumId: rows.GetGuid(0)), rows.GetInt64(2));
        }
    }
}
