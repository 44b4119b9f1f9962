using System.Runtime.CompilerServices;
using Npgsql;
using Platform.Costs;

namespace Uploads;

/// <summary>The files that are complete. Parts of those on their way are not among them.</summary>
internal sealed class StoredUploads(NpgsqlDataSource database) : IStoredBytes
{
    public async IAsyncEnumerable<(UsageAccount Account, long Bytes)> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand(
            "select wedding_id, sum(size_bytes)::bigint from uploads.upload where status = $1 group by wedding_id");
        query.Parameters.Add(new() { Value = GetUploadHandler.NameOf(UploadStatus.Completed) });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            yield return (new UsageAccount("uploads", await rows.IsDBNullAsync(0, cancellationToken) ? null : rows.GetString(0)), rows.GetInt64(1));
        }
    }
}
