using Npgsql;
using NpgsqlTypes;

namespace Platform.Accounts;

/// <param name="What">The stored name of the event; of accounts, what was done to them.</param>
/// <param name="Subject">The stream; of accounts, the name of the key or the role of the invitation.</param>
/// <param name="Version">Of the event in its stream.</param>
/// <param name="Position">Its place in the log; 0 for what is no event.</param>
public sealed record AuditEntry(DateTimeOffset At, string By, string What, string Subject, long? Version, long Position);

/// <param name="By">Part of a name.</param>
/// <param name="Subject">How the stream's name begins.</param>
/// <param name="Before">The last entry of the page before.</param>
public sealed record AuditSearch(string? By = null, string? Subject = null, AuditEntry? Before = null);

/// <summary>
/// Who did what: every event that somebody asked for, not those that followed from it; and what was done to keys, invitations and stopped
/// subscriptions. Uploads are left out: their streams say it, and a wedding has thousands.
/// </summary>
public sealed class AuditLog(NpgsqlDataSource database)
{
    public const int PageSize = 100;

    /// <summary>Up to <see cref="PageSize"/>, the newest first.</summary>
    public async Task<IReadOnlyList<AuditEntry>> SearchAsync(AuditSearch search, CancellationToken cancellationToken)
    {
        // Each part by its own index, newest first, so that a page costs the same however long the log is.
        await using var query = database.CreateCommand("""
            with entry as (
                (select timestamp as at, headers ->> 'by' as by, type as what, stream_id as subject, version, seq_id as position
                from mt_events
                where headers is not null and causation_id is null and stream_id not like 'upload-%'
                    and (timestamp, seq_id) < ($1, $2) and ($3::text is null or headers ->> 'by' ilike $3) and ($4::text is null or stream_id like $4)
                order by timestamp desc, seq_id desc limit $5)
                union all
                select created_at, created_by, 'api_key_created', name, null, 0 from accounts.api_key
                union all
                select revoked_at, revoked_by, 'api_key_revoked', name, null, 0 from accounts.api_key where revoked_at is not null
                union all
                select created_at, created_by, 'person_invited', role, null, 0 from accounts.invitation
                union all
                select changed_at, changed_by, what, subject, null, 0 from accounts.change
                union all
                select decided_at, by, 'subscription_' || case decision when 'retry' then 'retried' else 'passed' end, name, null, 0
                from platform.subscription_decision)
            select at, by, what, subject, version, position from entry
            where (at, position) < ($1, $2) and ($3::text is null or by ilike $3) and ($4::text is null or subject like $4)
            order by at desc, position desc limit $5
            """);
        query.Parameters.Add(new() { Value = search.Before?.At ?? DateTimeOffset.MaxValue.ToUniversalTime(), NpgsqlDbType = NpgsqlDbType.TimestampTz });
        query.Parameters.Add(new() { Value = search.Before?.Position ?? long.MaxValue });
        query.Parameters.Add(Text(search.By, by => $"%{by}%"));
        query.Parameters.Add(Text(search.Subject, subject => $"{subject}%"));
        query.Parameters.Add(new() { Value = PageSize });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        var entries = new List<AuditEntry>();
        while (await rows.ReadAsync(cancellationToken))
        {
            entries.Add(new AuditEntry(
                rows.GetFieldValue<DateTimeOffset>(0),
                rows.GetString(1),
                rows.GetString(2),
                rows.GetString(3),
                await rows.IsDBNullAsync(4, cancellationToken) ? null : rows.GetInt64(4),
                rows.GetInt64(5)));
        }

        return entries;
    }

    private static NpgsqlParameter Text(string? text, Func<string, string> pattern) => new()
    {
        Value = text is { Length: > 0 } ? pattern(Escaped(text)) : DBNull.Value,
        NpgsqlDbType = NpgsqlDbType.Text,
    };

    private static string Escaped(string text) => text
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal);
}
