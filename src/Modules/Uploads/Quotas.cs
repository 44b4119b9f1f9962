using Npgsql;
using NpgsqlTypes;
using Platform.Events;
using Platform.Settings;

namespace Uploads;

// uploads.reservation has a row from before an upload is begun until the projection has it among uploads.upload: between the two its size
// would count nowhere. Who reserves holds advisory locks on the user and the wedding, so of any number of uploads begun at once no more
// are taken than there is room for. The rows of uploads that were never begun are removed by the sweep.

/// <summary>
/// Keeps users and weddings within their quotas. The whole size counts from the beginning of an upload; one that is aborted, expires or is
/// lost gives it back, a moment later.
/// </summary>
internal sealed class Quotas(NpgsqlDataSource database, EventStore events, LiveSettings<UploadSettings> settings)
{
    private const long Unlimited = long.MaxValue;

    private const string LockSql = "select pg_advisory_xact_lock(hashtextextended('upload of user ' || $1, 0)), "
        + "pg_advisory_xact_lock(hashtextextended('upload of wedding ' || $2, 0))";

    private const string CountedSql = """
        select upload_id, user_id, wedding_id, size_bytes, status from uploads.upload where status in ('open', 'completing', 'verifying', 'completed')
        union all
        select upload_id, user_id, wedding_id, size_bytes, 'open' from uploads.reservation
        """;

    // What is not limited is not counted.
    private const string ReserveSql = $"""
        with counted as not materialized ({CountedSql}),
        used as materialized (
            select
                (select count(*) from counted where user_id = $2 and status <> 'completed') as uploads,
                case when $6 = {Max} then 0 else (select coalesce(sum(size_bytes), 0) from counted where user_id = $2) end as by_user,
                case when $7 = {Max} then 0 else (select coalesce(sum(size_bytes), 0) from counted where wedding_id = $3) end as by_wedding),
        reserved as (
            insert into uploads.reservation (upload_id, user_id, wedding_id, size_bytes)
            select $1, $2, $3, $4 from used
            where uploads < $5 and by_user + $4 <= $6 and by_wedding + $4 <= $7
            returning upload_id)
        select uploads, by_user::bigint, by_wedding::bigint, exists (select from reserved) from used
        """;

    private const string Max = "9223372036854775807";

    // Uploads begun later have the room that is left by those begun earlier: so two that complete at once cannot both take the last of it.
    private const string UsedBeforeSql = $"""
        with counted as not materialized (select * from ({CountedSql}) as c where upload_id < $1 or (status = 'completed' and upload_id <> $1))
        select
            (select coalesce(sum(size_bytes), 0) from counted where user_id = $2)::bigint,
            (select coalesce(sum(size_bytes), 0) from counted where wedding_id = $3)::bigint
        """;

    /// <summary>Sets the upload's size aside. To be released where the upload is not begun after all.</summary>
    /// <exception cref="CommandRefusedException"><c>QUOTA_EXCEEDED</c>, <c>TOO_MANY_UPLOADS</c>.</exception>
    public async Task ReserveAsync(UploadInitiated session, CancellationToken cancellationToken)
    {
        var limits = LimitsOf(session);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Command(LockSql, session.UserId, session.WeddingId ?? session.UploadId.ToString()));
        batch.BatchCommands.Add(Command(
            ReserveSql, session.UploadId, session.UserId, session.WeddingId, session.SizeBytes, limits.OpenUploads, limits.UserBytes, limits.WeddingBytes));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        if (reader.GetBoolean(3))
        {
            return;
        }

        Check("user", reader.GetInt64(1) + session.SizeBytes, limits.UserBytes);
        Check("wedding", reader.GetInt64(2) + session.SizeBytes, limits.WeddingBytes);
        throw new CommandRefusedException("TOO_MANY_UPLOADS", $"A user may have {limits.OpenUploads} uploads under way. Complete or abort some first.")
        {
            Members = new Dictionary<string, object?> { ["maxOpenUploads"] = limits.OpenUploads },
            RetryAfter = TimeSpan.FromSeconds(10),
        };
    }

    public async Task ReleaseAsync(Guid uploadId)
    {
        await using var command = database.CreateCommand("delete from uploads.reservation where upload_id = $1");
        command.Parameters.Add(new() { Value = uploadId });
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    /// <summary>Refuses to complete what has no room any more, because quotas were lowered since it was begun.</summary>
    /// <exception cref="CommandRefusedException"><c>QUOTA_EXCEEDED</c>.</exception>
    public async Task CheckAsync(Guid uploadId, CancellationToken cancellationToken)
    {
        if (!settings.Current.HasQuotas)
        {
            return;
        }

        var upload = (await events.FoldAsync<Upload, IUploadEvent>(uploadId, cancellationToken)).State;
        if (upload.Status is UploadStatus.Open)
        {
            var limits = LimitsOf(upload.Session);
            await using var connection = await database.OpenConnectionAsync(cancellationToken);
            await using var batch = new NpgsqlBatch(connection);
            batch.BatchCommands.Add(Command(UsedBeforeSql, uploadId, upload.Session.UserId, upload.Session.WeddingId));
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            Check("user", reader.GetInt64(0) + upload.Session.SizeBytes, limits.UserBytes);
            Check("wedding", reader.GetInt64(1) + upload.Session.SizeBytes, limits.WeddingBytes);
        }
    }

    /// <summary>Forgets reservations of uploads that were never begun: their process died.</summary>
    /// <param name="before">Long enough ago that whoever reserved would have begun.</param>
    public async Task RemoveLeftoversAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("""
            delete from uploads.reservation r
            where reserved_at < $1 and not exists (select from mt_streams where id = 'upload-' || r.upload_id)
            """);
        command.Parameters.Add(new() { Value = before });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void Check(string quota, long wantedBytes, long quotaBytes)
    {
        if (wantedBytes > quotaBytes)
        {
            throw new CommandRefusedException("QUOTA_EXCEEDED", $"The {quota} may have {quotaBytes} bytes in all. There is no room for this file.")
            {
                Members = new Dictionary<string, object?> { ["quota"] = quota, ["quotaBytes"] = quotaBytes },
            };
        }
    }

    private static NpgsqlBatchCommand Command(string sql, params ReadOnlySpan<object?> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(value is null ? new() { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text } : new() { Value = value });
        }

        return command;
    }

    private (int OpenUploads, long UserBytes, long WeddingBytes) LimitsOf(UploadInitiated session)
    {
        var current = settings.Current;
        var role = current.Roles.Of(session.UserRole);
        return (
            role.MaxOpenUploads ?? current.MaxOpenUploadsPerUser,
            current.UserQuotasBytes.TryGetValue(session.UserId, out var user) ? user : role.QuotaPerUserBytes ?? Unlimited,
            session.WeddingId is not { } id ? Unlimited
                : current.WeddingQuotasBytes.TryGetValue(id, out var wedding) ? wedding : current.QuotaPerWeddingBytes ?? Unlimited);
    }
}
