using Npgsql;
using Xunit;

namespace Host.Tests;

/// <summary>
/// Lets no album come far beyond so many parts: whoever records more waits in the database until the gate moves on, or is disposed. So what
/// disturbs an album comes in the middle of it, however late it comes. One for a database.
/// </summary>
internal sealed class PartGate : IAsyncDisposable
{
    // With the number of parts, of which the gate's session has the lock. The product locks single numbers only.
    private const int Lock = 0x67_6174_65;

    private readonly NpgsqlConnection connection;
    private int closedAt;

    private PartGate(NpgsqlConnection connection) => this.connection = connection;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Needs the tables that a host makes. Albums made before do not count.</summary>
    internal static async Task<PartGate> CloseAsync(string connectionString, int parts)
    {
        // A connection that goes back into the pool keeps its locks for a while.
        var gate = new PartGate(new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString));
        await gate.connection.OpenAsync(Cancellation);
        await gate.MoveAsync(parts);
        await gate.ExecuteAsync("""
            create trigger part_gate before insert on mt_events for each row when (new.type = 'part_stored') execute function part_gate()
            """);
        return gate;
    }

    /// <summary>Whoever waits goes on, up to so many parts. More are recorded only where one append brings several.</summary>
    internal async Task MoveAsync(int parts)
    {
        await ExecuteAsync($"select pg_advisory_lock({Lock}, {parts})");

        // Stable: it sees what was recorded before the append, and nothing of the append itself, which could not be waited for otherwise.
        await ExecuteAsync($"""
            create or replace function part_gate() returns trigger language plpgsql stable as $$
            begin
                if (select count(*) from mt_events where stream_id = new.stream_id and type = 'part_stored') >= {parts} then
                    perform pg_advisory_xact_lock_shared({Lock}, {parts});
                end if;
                return new;
            end $$
            """);
        await ExecuteAsync($"select pg_advisory_unlock({Lock}, {closedAt}) where {closedAt} > 0");
        closedAt = parts;
    }

    /// <summary>Opens it for good. What a process waited to record that was killed meanwhile is recorded now, as if it had got there just in time.</summary>
    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private async Task ExecuteAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancellation);
    }
}
