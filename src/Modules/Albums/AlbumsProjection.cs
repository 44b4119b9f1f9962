using Albums.Contracts;
using Npgsql;
using Platform.Events;
using Uploads.Contracts;
using Weddings.Contracts;

namespace Albums;

/// <summary>
/// The module's tables: albums for lists, and the files of weddings with the CRCs that Uploads computed, so that the ZIP needs not read
/// them twice.
/// </summary>
internal sealed class AlbumsProjection : IProjection
{
    internal const string SubscriptionName = "albums";

    public string Name => SubscriptionName;

    public string Schema => "albums";

    public string CreateTablesSql =>
        """
        create table if not exists album (
            id uuid primary key,
            wedding_id text not null,
            status text not null,
            requested_at timestamptz not null,
            size_bytes bigint,
            completed_at timestamptz,
            expires_at timestamptz,
            announced boolean not null default false,
            attempted_at timestamptz,
            planned boolean,
            failure bigint);
        alter table album add column if not exists completed_at timestamptz, add column if not exists expires_at timestamptz,
            add column if not exists announced boolean not null default false, add column if not exists attempted_at timestamptz,
            add column if not exists planned boolean, add column if not exists failure bigint,
            add column if not exists is_selection boolean not null default false;
        create index if not exists album_wedding on album (wedding_id, requested_at desc);
        create index if not exists album_status on album (status, requested_at desc);
        create index if not exists album_newest on album (requested_at, id);
        create index if not exists album_largest on album (coalesce(size_bytes, 0), id);
        create index if not exists album_by_wedding on album (wedding_id, id);
        create index if not exists album_completed on album (completed_at);
        create index if not exists album_failure on album (failure);
        create table if not exists wedding_file (
            key text primary key,
            wedding_id text,
            name text not null,
            size_bytes bigint not null,
            etag text not null,
            crc32 bigint not null,
            uploaded_at timestamptz not null);
        create table if not exists wedding_brand (
            wedding_id text primary key,
            studio text,
            color text,
            logo_url text);
        alter table wedding_brand add column if not exists language text, add column if not exists time_zone text;
        create index if not exists wedding_file_wedding on wedding_file (wedding_id, uploaded_at);
        """;

    public IReadOnlyCollection<Type> Handles { get; } =
    [
        typeof(UploadCompleted),
        typeof(UploadWithdrawn),
        typeof(WeddingRegistered),
        typeof(BrandingChanged),
        typeof(AlbumRequested),
        typeof(AttemptStarted),
        typeof(PlanFrozen),
        typeof(AlbumCompleted),
        typeof(AlbumFailed),
        typeof(AlbumReplayed),
        typeof(ReplayEnded),
        typeof(AlbumCancelled),
        typeof(AlbumDeleted),
        typeof(ExpiryAnnounced),
        typeof(AlbumExpired),
    ];

    public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        return e.Payload switch
        {
            UploadCompleted file => ExecuteAsync(
                """
                insert into wedding_file (key, wedding_id, name, size_bytes, etag, crc32, uploaded_at) values ($1, $2, $3, $4, $5, $6, $7)
                on conflict (key) do nothing
                """,
                file.Key,
                file.WeddingId,
                file.FileName,
                file.SizeBytes,
                file.ETag,
                (long)file.Crc32,
                file.CompletedAt),
            UploadWithdrawn file => ExecuteAsync("delete from wedding_file where key = $1", file.Key),
            WeddingRegistered wedding => ExecuteAsync(
                """
                insert into wedding_brand (wedding_id, studio, color, logo_url, language, time_zone) values ($1, $2, $3, $4, $5, $6)
                on conflict (wedding_id) do nothing
                """,
                wedding.WeddingId,
                wedding.Branding?.Studio,
                wedding.Branding?.Color,
                wedding.Branding?.LogoUrl,
                wedding.Branding?.Language,
                wedding.TimeZone),
            BrandingChanged wedding => ExecuteAsync(
                """
                insert into wedding_brand (wedding_id, studio, color, logo_url, language) values ($1, $2, $3, $4, $5)
                on conflict (wedding_id) do update
                set studio = excluded.studio, color = excluded.color, logo_url = excluded.logo_url, language = excluded.language
                """,
                wedding.WeddingId,
                wedding.Branding.Studio,
                wedding.Branding.Color,
                wedding.Branding.LogoUrl,
                wedding.Branding.Language),
            AlbumRequested album => ExecuteAsync(
                "insert into album (id, wedding_id, status, requested_at, is_selection) values ($1, $2, $3, $4, $5)",
                Guid.Parse(e.StreamId),
                album.WeddingId,
                nameof(AlbumStatus.Requested),
                album.At,
                album.IsSelection),
            PlanFrozen plan => ExecuteAsync(
                "update album set planned = true, status = case status when $2 then $2 else $3 end, size_bytes = case when completed_at is null then $4 else size_bytes end where id = $1",
                Guid.Parse(e.StreamId),
                nameof(AlbumStatus.Requested),
                nameof(AlbumStatus.Zipping),
                plan.SizeBytes),
            AttemptStarted attempt => ExecuteAsync(
                "update album set status = case when coalesce(planned, size_bytes is not null) then $3 else $2 end, attempted_at = $4 where id = $1",
                Guid.Parse(e.StreamId),
                nameof(AlbumStatus.Planning),
                nameof(AlbumStatus.Zipping),
                attempt.At),
            AlbumCompleted completed => ExecuteAsync(
                "update album set status = $2, completed_at = $3, expires_at = $4, announced = false, size_bytes = $5 where id = $1",
                Guid.Parse(e.StreamId),
                nameof(AlbumStatus.Completed),
                completed.At,
                completed.ExpiresAt,
                completed.SizeBytes),
            ExpiryAnnounced announced => ExecuteAsync(
                "update album set expires_at = $2, announced = true where id = $1", Guid.Parse(e.StreamId), announced.ExpiresAt),
            AlbumFailed => ExecuteAsync( // failures are counted in the order of the log, from 1
                "update album set status = $2, failure = (select coalesce(max(failure), 0) + 1 from album) where id = $1",
                Guid.Parse(e.StreamId),
                nameof(AlbumStatus.Failed)),
            AlbumReplayed => ExecuteAsync( // of a complete album a new edition is planned; the size is that of the old one until it is complete
                "update album set planned = status <> $3 and coalesce(planned, size_bytes is not null), status = $2 where id = $1",
                Guid.Parse(e.StreamId),
                nameof(AlbumStatus.Requested),
                nameof(AlbumStatus.Completed)),
            ReplayEnded => SetStatusAsync(AlbumStatus.Completed),
            AlbumCancelled => SetStatusAsync(AlbumStatus.Cancelled),
            AlbumDeleted => SetStatusAsync(AlbumStatus.Deleted),
            AlbumExpired => SetStatusAsync(AlbumStatus.Expired),
            _ => Task.CompletedTask,
        };

        Task SetStatusAsync(AlbumStatus status) =>
            ExecuteAsync("update album set status = $2 where id = $1", Guid.Parse(e.StreamId), status.ToString());

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
}
