using System.Runtime.CompilerServices;
using Npgsql;
using Platform.Costs;

namespace Gallery;

/// <summary>The thumbnails in the store.</summary>
internal sealed class StoredThumbnails(NpgsqlDataSource database) : IStoredBytes
{
    public async IAsyncEnumerable<(UsageAccount Account, long Bytes)> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            "select wedding_id, sum(thumbnail_bytes)::bigint from gallery.photo where thumbnail_bytes is not null group by wedding_id");
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            yield return (GalleryModule.AccountOf(rows.GetString(0)), rows.GetInt64(1));
        }
    }
}
