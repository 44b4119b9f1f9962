using Gallery.Contracts;
using Npgsql;
using Platform.Events;
using Uploads.Contracts;

namespace Gallery;

/// <summary>The module's table: one row per photo or film of a wedding that is there.</summary>
internal sealed class GalleryProjection : IProjection
{
    internal const string SubscriptionName = "gallery";

    public string Name => SubscriptionName;

    public string Schema => "gallery";

    // taken_at orders what one wedding has, by the cameras' clocks; where a file says nothing, by ours.
    public string CreateTablesSql => """
        create table if not exists photo (
            photo_id uuid primary key,
            wedding_id text not null,
            key text not null,
            file_name text not null,
            is_film boolean not null,
            size_bytes bigint not null,
            guest_name text,
            taken_at timestamp not null,
            is_favourite boolean not null default false,
            is_hidden boolean not null default false,
            thumbnail text not null,
            thumbnail_key text,
            thumbnail_etag text,
            thumbnail_bytes bigint);
        create index if not exists photo_wedding on photo (wedding_id, taken_at, photo_id);
        """;

    public IReadOnlyCollection<Type> Handles { get; } =
    [
        typeof(UploadCompleted),
        typeof(UploadWithdrawn),
        typeof(PhotosMarked),
        typeof(ThumbnailStored),
        typeof(ThumbnailRefused),
    ];

    public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        return e.Payload switch
        {
            UploadCompleted { WeddingId: { } wedding } file when IsPicture(file) || IsFilm(file) => ExecuteAsync(
                """
                insert into photo (photo_id, wedding_id, key, file_name, is_film, size_bytes, guest_name, taken_at, thumbnail)
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing
                """,
                file.UploadId,
                wedding,
                file.Key,
                file.FileName,
                IsFilm(file),
                file.SizeBytes,
                file.GuestName,
                DateTime.SpecifyKind(file.Media?.TakenAtLocal ?? file.CompletedAt.UtcDateTime, DateTimeKind.Unspecified),
                (IsFilm(file) ? ThumbnailState.None : ThumbnailState.Waiting).ToString()),
            UploadWithdrawn file => ExecuteAsync("delete from photo where photo_id = $1", file.UploadId),
            PhotosMarked { Mark: PhotoMark.Favourite } marked => ExecuteAsync(
                "update photo set is_favourite = $2 where photo_id = any($1)", marked.PhotoIds.ToArray(), marked.IsSet),
            PhotosMarked marked => ExecuteAsync(
                "update photo set is_hidden = $2 where photo_id = any($1)", marked.PhotoIds.ToArray(), marked.IsSet),
            ThumbnailStored stored => ExecuteAsync(
                "update photo set thumbnail = $2, thumbnail_key = $3, thumbnail_etag = $4, thumbnail_bytes = $5 where photo_id = $1",
                Guid.Parse(e.StreamId),
                nameof(ThumbnailState.Ready),
                stored.Key,
                stored.ETag,
                stored.SizeBytes),
            ThumbnailRefused => ExecuteAsync("update photo set thumbnail = $2 where photo_id = $1", Guid.Parse(e.StreamId), nameof(ThumbnailState.None)),
            _ => Task.CompletedTask,
        };

        async Task ExecuteAsync(string sql, params object?[] values)
        {
            await using var command = new NpgsqlCommand(sql, transaction.Connection, transaction);
            foreach (var value in values)
            {
                command.Parameters.Add(new() { Value = value ?? DBNull.Value });
            }

            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static bool IsPicture(UploadCompleted file) => file.ContentType.StartsWith("image/", StringComparison.Ordinal);

    private static bool IsFilm(UploadCompleted file) => file.ContentType.StartsWith("video/", StringComparison.Ordinal);
}
