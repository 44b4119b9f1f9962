using Npgsql;
using NpgsqlTypes;
using Uploads.Contracts;

namespace Uploads;

/// <summary>Finds uploads in the read model, a page at a time.</summary>
internal sealed class SearchUploads(NpgsqlDataSource database) : IUploads
{
    public async Task<IReadOnlyList<UploadListed>> SearchAsync(UploadSearch search, CancellationToken cancellationToken)
    {
        // Ids are version 7: their order is that of their beginning.
        await using var query = database.CreateCommand($"""
            select upload_id, status, key, file_name, content_type, size_bytes, initiated_at, completed_at, wedding_id, guest_name
            from uploads.upload where ($1 is null or wedding_id = $1) and ($2 is null or status = $2) and ($3 is null or upload_id < $3)
            order by upload_id desc limit {UploadSearch.PageSize}
            """);
        Add(search.WeddingId is { Length: > 0 } wedding ? wedding : null, NpgsqlDbType.Text);
        Add(search.Status is { Length: > 0 } status ? status : null, NpgsqlDbType.Text);
        Add(search.Before, NpgsqlDbType.Uuid);
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        var found = new List<UploadListed>();
        while (await rows.ReadAsync(cancellationToken))
        {
            found.Add(new UploadListed(
                rows.GetGuid(0),
                rows.GetString(1),
                rows.GetString(2),
                rows.GetString(3),
                rows.GetString(4),
                rows.GetInt64(5),
                rows.GetFieldValue<DateTimeOffset>(6),
                rows.IsDBNull(7) ? null : rows.GetFieldValue<DateTimeOffset>(7),
                rows.IsDBNull(8) ? null : rows.GetString(8),
                rows.IsDBNull(9) ? null : rows.GetString(9)));
        }

        return found;

        void Add(object? value, NpgsqlDbType type) => query.Parameters.Add(new() { Value = value ?? DBNull.Value, NpgsqlDbType = type });
    }
}
