using Npgsql;

namespace Platform.Events;

/// <summary>
/// A named reader of the log. It sees every event of the types it handles, in order, and its writes commit together with its
/// checkpoint: exactly once for what it writes through the transaction it is given.
/// </summary>
public interface ISubscription
{
    /// <summary>Unique and stable: the checkpoint is kept under it.</summary>
    string Name { get; }

    /// <summary>Event types it wants to see.</summary>
    IReadOnlyCollection<Type> Handles { get; }

    /// <summary>
    /// Handles one event inside the transaction that moves the checkpoint. Must not commit, and must not keep the connection.
    /// An exception stops the subscription at this event until an admin retries or passes it; nothing is skipped silently.
    /// </summary>
    Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken);
}

/// <summary>
/// A subscription that only fills tables of its own, and so can be rebuilt from position 0 in a shadow schema while the old tables
/// serve. Its SQL names tables without a schema: the search path points to the one being filled.
/// </summary>
public interface IProjection : ISubscription
{
    /// <summary>Postgres schema of the tables; no other projection uses it.</summary>
    string Schema { get; }

    /// <summary>DDL that creates the tables, unqualified and repeatable (<c>create table if not exists</c>).</summary>
    string CreateTablesSql { get; }
}
