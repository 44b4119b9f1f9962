using Npgsql;

namespace Platform.Events;

/// <summary>
/// One subscription's row in <c>platform.subscription</c>: its checkpoint, and why it stopped. Whoever moves the checkpoint
/// locks the row first, so a batch, a decision and the end of a rebuild never overlap.
/// </summary>
internal sealed class SubscriptionTable(string name)
{
    /// <summary>Takes the right to run the subscription, or to rebuild it, for as long as the session lives.</summary>
    /// <returns>Whether nobody else has it.</returns>
    public static async Task<bool> TryLockAsync(NpgsqlConnection connection, string what, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("select pg_try_advisory_lock(hashtextextended('subscription ' || $1, 0))", connection);
        EventTables.Add(command.Parameters, what);
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Gives the right back: a connection in the pool keeps its locks.</summary>
    public static async Task UnlockAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("select pg_advisory_unlock_all()", connection);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    public async Task<(LogPosition Position, string? Error)> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("select transaction_id, seq_id, error from platform.subscription where name = $1", connection);
        EventTables.Add(command.Parameters, name);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? (new(reader.GetFieldValue<ulong>(0), reader.GetInt64(1)), reader.IsDBNull(2) ? null : reader.GetString(2))
            : throw new CommandRefusedException("SUBSCRIPTION_UNKNOWN", $"There is no subscription {name}.");
    }

    /// <summary>
    /// Locks the row for the transaction and points its SQL to a projection's tables. The commit need not wait for the disk: should
    /// the server fail, what was written is lost together with the checkpoint and is done again.
    /// </summary>
    /// <returns>The checkpoint.</returns>
    public async Task<LogPosition> LockAsync(NpgsqlConnection connection, string? schema, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            select transaction_id, seq_id, set_config('synchronous_commit', 'off', true),
                case when $2 <> '' then set_config('search_path', quote_ident($2) || ', public', true) end
            from platform.subscription where name = $1 for no key update
            """,
            connection);
        EventTables.Add(command.Parameters, name);
        EventTables.Add(command.Parameters, schema ?? "");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new(reader.GetFieldValue<ulong>(0), reader.GetInt64(1));
    }

    public async Task MoveAsync(NpgsqlConnection connection, LogPosition position, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            update platform.subscription set transaction_id = $2, seq_id = $3, updated_at = now(),
                error = null, error_transaction_id = null, error_seq_id = null
            where name = $1
            """,
            connection);
        EventTables.Add(command.Parameters, name);
        EventTables.Add(command.Parameters, position);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Stops at an event, unless a rebuild has taken the checkpoint beyond it meanwhile.</summary>
    public async Task StopAsync(NpgsqlConnection connection, RecordedEvent e, Exception error, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            update platform.subscription set error = $2, error_transaction_id = $3, error_seq_id = $4, updated_at = now()
            where name = $1 and (transaction_id, seq_id) < ($3, $4)
            """,
            connection);
        EventTables.Add(command.Parameters, name);
        EventTables.Add(command.Parameters, $"{error.GetType().Name}: {error.Message}");
        EventTables.Add(command.Parameters, e.Position);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
