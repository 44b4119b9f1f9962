using Npgsql;

namespace Testing;

/// <summary>
/// The Postgres server of this test process: the one <c>TEST_POSTGRES</c> names (a connection string with the right to create databases),
/// else a private cluster, started when it is first asked for.
/// </summary>
public static class TestPostgres
{
    // Of a statement on the server: to drop a database waits for a checkpoint.
    private const int MostSeconds = 120;

    private static readonly Lazy<Task<string>> Server = new(async () =>
    {
        if (Environment.GetEnvironmentVariable("TEST_POSTGRES") is { Length: > 0 } given)
        {
            return Patient(given);
        }

        var cluster = await PostgresCluster.StartAsync("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB");
        EndOfTests.Do(() =>
        {
            cluster.Dispose();
            return Task.CompletedTask;
        });
        return Patient(cluster.ConnectionString);
    });

    /// <summary>A fresh, empty database; disposing drops it. One per test class is enough.</summary>
    public static async Task<TestDatabase> CreateDatabaseAsync()
    {
        var server = await Server.Value;
        var name = $"test_{Guid.NewGuid():n}";
        await ExecuteAsync(server, $"create database {name} template template0");
        return new TestDatabase(server, new NpgsqlConnectionStringBuilder(server) { Database = name, MaxPoolSize = 40 }.ConnectionString, name);
    }

    internal static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = MostSeconds };
        await command.ExecuteNonQueryAsync();
    }

    // A busy machine takes longer than 15 seconds to open a connection, or to give one back to the pool.
    private static string Patient(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { Timeout = 60 }.ConnectionString;
}

/// <summary>A database of one test, or of one test class (as a field created in <c>InitializeAsync</c>).</summary>
public sealed class TestDatabase(string server, string connectionString, string name) : IAsyncDisposable
{
    private const int MostDrops = 6;

    public string ConnectionString => connectionString;

    public async ValueTask DisposeAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await TestPostgres.ExecuteAsync(server, $"drop database if exists {name} with (force)");
                return;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ObjectInUse && attempt < MostDrops)
            {
                // Sessions that are ended by force have five seconds to go, and may stand still for as long.
            }
        }
    }
}
