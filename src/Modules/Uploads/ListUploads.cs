using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using NpgsqlTypes;
using Platform.Accounts;
using Platform.Events;

namespace Uploads;

/// <summary>Uploads of a wedding, newest first, from the read model: it follows the log by a moment.</summary>
internal static class ListUploadsHandler
{
    private const int PageSize = 100;

    /// <summary>
    /// <c>GET /v1/uploads?weddingId=&amp;before=</c>: up to 100, newest first; <c>before</c> is the last id of the page before.
    /// </summary>
    internal static void Map(RouteGroupBuilder uploads) =>
        uploads.MapGet("/", GetAsync).RequireScope(Scopes.Albums); // guests send files, but do not see those of others

    private static async Task<Ok<Page>> GetAsync(
        string? weddingId, Guid? before, ClaimsPrincipal user, NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        if (weddingId is null || KeyLayout.CheckWeddingId(weddingId) is null)
        {
            throw new CommandRefusedException("INVALID_WEDDING_ID", "Name the wedding: ?weddingId=…");
        }

        user.MustReach(weddingId);

        // Ids are version 7: their order is that of their beginning.
        await using var query = database.CreateCommand("""
            select upload_id, status, key, file_name, content_type, size_bytes, initiated_at, completed_at
            from uploads.upload where wedding_id = $1 and ($2 is null or upload_id < $2)
            order by upload_id desc limit $3
            """);
        query.Parameters.Add(new() { Value = weddingId });
        query.Parameters.Add(new() { Value = before.HasValue ? before.Value : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        query.Parameters.Add(new() { Value = PageSize });
        var uploads = new List<Row>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            uploads.Add(new Row(
                rows.GetGuid(0),
                rows.GetString(1),
                rows.GetString(2),
                rows.GetString(3),
                rows.GetString(4),
                rows.GetInt64(5),
                rows.GetFieldValue<DateTimeOffset>(6),
                rows.IsDBNull(7) ? null : rows.GetFieldValue<DateTimeOffset>(7)));
        }

        return TypedResults.Ok(new Page(uploads));
    }

    private sealed record Page(IReadOnlyList<Row> Uploads);

    private sealed record Row(
        Guid UploadId,
        string Status,
        string Key,
        string FileName,
        string ContentType,
        long SizeBytes,
        DateTimeOffset InitiatedAt,
        DateTimeOffset? CompletedAt);
}
