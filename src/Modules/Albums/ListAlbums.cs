using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using NpgsqlTypes;
using Platform.Events;

namespace Albums;

/// <summary>Albums, newest first, from the read model: it follows the log by a moment.</summary>
internal static class ListAlbums
{
    private const int MostAlbums = 100;

    /// <summary>
    /// <c>GET /v1/albums?weddingId=&amp;status=&amp;before=</c>: up to 100, newest first; <c>before</c> is the last id of the page before.
    /// Deleted ones are listed only where their status is asked for.
    /// 400 <c>INVALID_REQUEST</c> for a status that there is not.
    /// </summary>
    internal static void Map(RouteGroupBuilder albums) => albums.MapGet("/", GetAsync);

    private static async Task<Ok<Page>> GetAsync(
        NpgsqlDataSource database, CancellationToken cancellationToken, string? weddingId = null, string? status = null, Guid? before = null)
    {
        var wanted = status is null ? default(AlbumStatus?)
            : Enum.TryParse<AlbumStatus>(status, ignoreCase: true, out var known) && status.All(char.IsAsciiLetter) ? known
            : throw new CommandRefusedException("INVALID_REQUEST", $"There is no status {status}.");
        await using var query = database.CreateCommand(
            """
            select id, wedding_id, status, requested_at, size_bytes from albums.album
            where ($1 is null or wedding_id = $1) and (status = $2 or ($2 is null and status <> 'Deleted'))
              and ($3 is null or (requested_at, id) < (select requested_at, id from albums.album where id = $3))
            order by requested_at desc, id desc limit $4
            """);
        query.Parameters.Add(new() { Value = OrNull(weddingId), NpgsqlDbType = NpgsqlDbType.Text });
        query.Parameters.Add(new() { Value = OrNull(wanted?.ToString()), NpgsqlDbType = NpgsqlDbType.Text });
        query.Parameters.Add(new() { Value = OrNull(before), NpgsqlDbType = NpgsqlDbType.Uuid });
        query.Parameters.Add(new() { Value = MostAlbums });
        var albums = new List<Row>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            albums.Add(new Row(
                rows.GetGuid(0),
                rows.GetString(1),
                Enum.Parse<AlbumStatus>(rows.GetString(2)),
                rows.GetFieldValue<DateTimeOffset>(3),
                rows.IsDBNull(4) ? null : rows.GetInt64(4)));
        }

        return TypedResults.Ok(new Page(albums));
    }

    private static object OrNull(object? value) => value ?? DBNull.Value;

    private sealed record Page(IReadOnlyList<Row> Albums);

    private sealed record Row(Guid AlbumId, string WeddingId, AlbumStatus Status, DateTimeOffset RequestedAt, long? SizeBytes);
}
