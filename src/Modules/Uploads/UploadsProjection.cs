using Npgsql;
using Platform.Events;
using Uploads.Contracts;

namespace Uploads;

/// <summary>One row per upload: for lists, and for the sweep that looks for those nobody completes. Chunks do not touch it.</summary>
internal sealed class UploadsProjection : IProjection
{
    public string Name => "uploads";

    public string Schema => "uploads";

    // due_at: when the sweep has something to do for it; null where all is done. reservation: see Quotas. A rebuild forgets those of uploads
    // that begin in this moment.
    public string CreateTablesSql => """
        create table if not exists upload (
            upload_id uuid primary key,
            wedding_id text,
            status text not null,
            key text not null,
            file_name text not null,
            content_type text not null,
            size_bytes bigint not null,
            initiated_at timestamptz not null,
            expires_at timestamptz not null,
            completed_at timestamptz,
            due_at timestamptz);
        alter table upload add column if not exists user_id text, add column if not exists guest_name text;
        create index if not exists upload_wedding on upload (wedding_id, upload_id) where wedding_id is not null;
        create index if not exists upload_due on upload (due_at) where due_at is not null;
        create index if not exists upload_user on upload (user_id, status) include (size_bytes);
        create table if not exists reservation (
            upload_id uuid primary key,
            user_id text not null,
            wedding_id text,
            size_bytes bigint not null,
            reserved_at timestamptz not null default now());
        """;

    public IReadOnlyCollection<Type> Handles { get; } =
    [
        typeof(UploadInitiated),
        typeof(CompletionStarted),
        typeof(ChunksInvalidated),
        typeof(UploadStored),
        typeof(UploadCompleted),
        typeof(UploadAborted),
        typeof(UploadExpired),
        typeof(UploadLost),
        typeof(UploadWithdrawn),
        typeof(PartsDiscarded),
        typeof(LengthDeclared),
        typeof(PartialCompleted),
        typeof(ExpirySet),
    ];

    public async Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand { Connection = transaction.Connection, Transaction = transaction };
        command.Parameters.Add(new() { Value = Guid.Parse(e.StreamId) });
        switch (e.Payload)
        {
            case UploadInitiated file:
                command.CommandText = """
                    with reserved as (delete from reservation where upload_id = $1)
                    insert into upload
                        (upload_id, wedding_id, status, key, file_name, content_type, size_bytes, initiated_at, expires_at, due_at, user_id, guest_name)
                    values ($1, $2, 'open', $3, $4, $5, $6, $7, $8, $8, $9, $10)
                    """;
                Add(file.WeddingId, file.Key, file.FileName, file.ContentType, file.SizeBytes, file.InitiatedAt, file.ExpiresAt, file.UserId, file.GuestName);
                break;
            case CompletionStarted completion:
                SetStatus(UploadStatus.Completing, completion.StartedAt + Upload.CompletionLease);
                break;
            case UploadStored stored:
                SetStatus(UploadStatus.Verifying, stored.StoredAt + VerifyUploadHandler.Patience);
                break;
            case ChunksInvalidated:
                command.CommandText = "update upload set status = 'open', due_at = expires_at where upload_id = $1";
                break;
            case UploadCompleted file:
                command.CommandText = "update upload set status = 'completed', completed_at = $2, due_at = null where upload_id = $1";
                Add(file.CompletedAt);
                break;
            case PartialCompleted:
                // A piece stays in the sweep's view: it goes when its time is over.
                command.CommandText = "update upload set status = 'completed', due_at = expires_at where upload_id = $1";
                break;
            case LengthDeclared length:
                command.CommandText = "update upload set size_bytes = $2 where upload_id = $1";
                Add(length.SizeBytes);
                break;
            case ExpirySet expiry:
                command.CommandText = "update upload set expires_at = $2, due_at = $2 where upload_id = $1";
                Add(expiry.ExpiresAt);
                break;
            case UploadAborted aborted:
                SetStatus(UploadStatus.Aborted, aborted.AbortedAt);
                break;
            case UploadExpired expired:
                SetStatus(UploadStatus.Expired, expired.ExpiredAt);
                break;
            case UploadWithdrawn withdrawn:
                SetStatus(UploadStatus.Withdrawn, withdrawn.WithdrawnAt);
                break;
            case UploadLost:
                SetStatus(UploadStatus.Lost, null);
                break;
            default:
                command.CommandText = "update upload set due_at = null where upload_id = $1";
                break;
        }

        await command.ExecuteNonQueryAsync(cancellationToken);

        void SetStatus(UploadStatus status, DateTimeOffset? dueAt)
        {
            command.CommandText = "update upload set status = $2, due_at = $3 where upload_id = $1";
            Add(GetUploadHandler.NameOf(status), dueAt);
        }

        void Add(params object?[] values)
        {
            foreach (var value in values)
            {
                command.Parameters.Add(new() { Value = value ?? DBNull.Value });
            }
        }
    }
}
