using Npgsql;

namespace Platform.Events;

/// <summary>
/// Fills <c>{schema}_rebuild</c> from position 0 while <c>{schema}</c> serves, then takes its place in one transaction. That transaction
/// first locks the live checkpoint, so the live projection stands still; handles what little came meanwhile; and moves the checkpoint to
/// where the new tables are. Readers see the old tables or the new, nothing between. A crash leaves a schema that the next
/// rebuild drops.
/// </summary>
internal sealed class ProjectionRebuild(IProjection projection, LogReader log)
{
    private readonly SubscriptionTable table = new(projection.Name);
    private readonly string[] names = log.NamesOf(projection);
    private readonly string shadow = projection.Schema + "_rebuild";
    private HashSet<Guid> passed = [];

    public async Task RunAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        if (!await SubscriptionTable.TryLockAsync(connection, projection.Name + " rebuild", cancellationToken))
        {
            throw new CommandRefusedException("REBUILD_RUNNING", $"Subscription {projection.Name} is being rebuilt already.");
        }

        try
        {
            passed = await PassedAsync(connection, cancellationToken);
            await ExecuteAsync(connection, $"drop schema if exists {Quote(shadow)} cascade", cancellationToken);
            await CreateTablesAsync(connection, projection, shadow, cancellationToken);
            await SwapAsync(connection, await CatchUpAsync(connection, cancellationToken), cancellationToken);
        }
        finally
        {
            if (connection.State == System.Data.ConnectionState.Open)
            {
                await SubscriptionTable.UnlockAsync(connection);
            }
        }
    }

    /// <summary>Creates the tables of a projection where they are not there yet.</summary>
    public static Task CreateTablesAsync(NpgsqlConnection connection, IProjection projection, string schema, CancellationToken cancellationToken) =>
        ExecuteAsync(
            connection,
            $"create schema if not exists {Quote(schema)}; set search_path = {Quote(schema)}, public; {projection.CreateTablesSql}; reset search_path",
            cancellationToken);

    private async Task<LogPosition> CatchUpAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        for (var position = default(LogPosition); ;)
        {
            var page = await LogReader.ReadAsync(connection, names, position, cancellationToken);
            await using (var transaction = await connection.BeginTransactionAsync(cancellationToken))
            {
                await ExecuteAsync(
                    connection, $"set local synchronous_commit = off; set local search_path = {Quote(shadow)}, public", cancellationToken);
                await HandleAsync(page, transaction, cancellationToken);
                await transaction.CommitAsync(cancellationToken);
            }

            position = page.End;
            if (page.Events.Count < LogReader.PageSize)
            {
                return position;
            }
        }
    }

    private async Task SwapAsync(NpgsqlConnection connection, LogPosition position, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await table.LockAsync(connection, shadow, cancellationToken);
        LogPage page;
        do
        {
            page = await LogReader.ReadAsync(connection, names, position, cancellationToken);
            await HandleAsync(page, transaction, cancellationToken);
            position = page.End;
        }
        while (page.Events.Count == LogReader.PageSize);

        var (live, old) = (Quote(projection.Schema), Quote(projection.Schema + "_replaced"));
        await ExecuteAsync(
            connection,
            $"alter schema {live} rename to {old}; alter schema {Quote(shadow)} rename to {live}; drop schema {old} cascade",
            cancellationToken);
        await table.MoveAsync(connection, position, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private async Task HandleAsync(LogPage page, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        foreach (var e in page.Events.Where(e => !passed.Contains(e.Id)))
        {
            try
            {
                await log.HandleAsync(projection, e, transaction, cancellationToken);
            }
            catch (Exception error) when (error is not (NpgsqlException { IsTransient: true } or OperationCanceledException))
            {
                throw new SubscriptionStoppedException(projection.Name, $"{e.Type} at {e.StreamName}/{e.Version}: {error.Message}", error);
            }
        }
    }

    private async Task<HashSet<Guid>> PassedAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            "select coalesce(array_agg(event_id), '{}') from platform.subscription_decision where name = $1 and decision = 'pass'", connection);
        EventTables.Add(command.Parameters, projection.Name);
        return [.. (Guid[])(await command.ExecuteScalarAsync(cancellationToken))!];
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string Quote(string identifier) => $"\"{identifier.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
