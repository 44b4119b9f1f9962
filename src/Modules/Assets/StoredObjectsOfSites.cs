using System.Runtime.CompilerServices;
using Npgsql;
using Platform.Costs;

namespace Assets;

/// <summary>The objects of all releases, each once. Manifests and published copies are not among them.</summary>
internal sealed class StoredObjectsOfSites(NpgsqlDataSource database) : IStoredBytes
{
    public async IAsyncEnumerable<(UsageAccount Account, long Bytes)> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("select split_part(site, '/', 1), sum(size_bytes)::bigint from assets.object group by 1");
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            yield return (SiteObjects.AccountOf(rows.GetString(0)), rows.GetInt64(1));
        }
    }
}
