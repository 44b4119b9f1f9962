using Npgsql;

namespace Testing;

/// <summary>
/// The Postgres server of this test process: the one <c>TEST_POSTGRES</c> names (a connection string with the right to create databases),
/// else a private cluster, started when it is first asked for.
/// </summary>
public static class TestPostgres
{
    private static readonly Lazy<Task<string>> Server = new(async () =>
    {
        if (Environment.GetEnvironmentVariable("TEST_POSTGRES") is { Length: > 0 } given)
        {
            return given;
        }

        var cluster = await PostgresCluster.StartAsync("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB");
        EndOfTests.Do(() =>
        {
            cluster.Dispose();
            return Task.CompletedTask;
        });
        return cluster.ConnectionString;
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
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}

/// <summary>A database of one test, or of one test class (as a field created in <c>InitializeAsync</c>).</summary>
public sealed class TestDatabase(string server, string connectionString, string name) : IAsyncDisposable
{
    public string ConnectionString => connectionString;

    public async ValueTask DisposeAsync() => await TestPostgres.ExecuteAsync(server, $"drop database if exists {name} with (force)");
}
