using Npgsql;

namespace Platform.Events;

/// <summary>
/// Brings a schema up to date. Nodes that start at once take turns by an advisory lock. Steps are numbered by their place and recorded in
/// the schema's table <c>migration</c>; a step that was released is never changed.
/// </summary>
internal static class SchemaSteps
{
    /// <summary>Creates the schema where there is none, and takes the steps that it has not seen.</summary>
    /// <param name="transaction">That of the steps. It keeps other nodes waiting until it ends.</param>
    /// <param name="key">Of the lock: any number that no other part of the product locks.</param>
    internal static async Task TakeAsync(
        NpgsqlTransaction transaction, string schema, long key, IReadOnlyList<string> steps, CancellationToken cancellationToken)
    {
        await ExecuteAsync($"select pg_advisory_xact_lock({key})");
        await ExecuteAsync($"""
            create schema if not exists {schema};
            create table if not exists {schema}.migration (
                step int not null constraint migration_pkey primary key,
                applied_at timestamptz not null default now());
            """);
        await using var last = Command($"select coalesce(max(step), 0) from {schema}.migration");
        for (var step = (int)(await last.ExecuteScalarAsync(cancellationToken))! + 1; step <= steps.Count; step++)
        {
            await ExecuteAsync(steps[step - 1]);
            await ExecuteAsync($"insert into {schema}.migration (step) values ({step})");
        }

        NpgsqlCommand Command(string sql) => new(sql, transaction.Connection, transaction);

        async Task ExecuteAsync(string sql)
        {
            await using var command = Command(sql);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
