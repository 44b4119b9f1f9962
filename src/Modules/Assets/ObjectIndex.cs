using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Assets;

/// <summary>
/// Which objects of a site are in the store, checked: what a sync compares with instead of asking the store for each. Not a read model: the
/// store is the truth, and an audit compares. A row is written after the object, and marked before the object is removed.
/// </summary>
internal sealed class ObjectIndex(NpgsqlDataSource database) : IHostedLifecycleService
{
    // Any number that no other part of the product locks; nodes that start together take turns.
    private const long SchemaLock = 0x61_7373_6574_73;

    /// <summary>Those of the names that are not there, or about to be removed.</summary>
    public async Task<IReadOnlyList<string>> MissingAsync(string site, IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select name from unnest($2) as wanted (name)
            where not exists (select from assets.object o where o.site = $1 and o.name = wanted.name and not o.is_removing)
            """);
        Add(query, site, names.ToArray());
        return await ReadAsync(query, cancellationToken);
    }

    /// <summary>Records checked objects. Returns those that are about to be removed: they have to be sent again, later.</summary>
    public async Task<IReadOnlyList<string>> AddAsync(
        string site, IReadOnlyCollection<(string Name, long SizeBytes)> objects, CancellationToken cancellationToken)
    {
        await using var insert = database.CreateCommand("""
            with given as (select * from unnest($2, $3) as given (name, size_bytes)),
                 added as (insert into assets.object (site, name, size_bytes) select $1, name, size_bytes from given on conflict do nothing)
            select o.name from assets.object o join given using (name) where o.site = $1 and o.is_removing
            """);
        Add(insert, site, objects.Select(item => item.Name).ToArray(), objects.Select(item => item.SizeBytes).ToArray());
        return await ReadAsync(insert, cancellationToken);
    }

    /// <summary>Holds off removals from a site until it is disposed: what is there now stays there.</summary>
    public async Task<IAsyncDisposable> HoldAsync(string site, CancellationToken cancellationToken)
    {
        var connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            await using var command = new NpgsqlCommand("select pg_advisory_lock(hashtextextended('site ' || $1, 0))", connection);
            command.Parameters.Add(new() { Value = site });
            await command.ExecuteNonQueryAsync(cancellationToken);
            return connection; // its session has the lock, and loses it on its way back to the pool
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await using var create = database.CreateCommand($"""
            select pg_advisory_xact_lock({SchemaLock});
            create schema if not exists assets;
            create table if not exists assets.object (
                site text not null,
                name text collate "C" not null,
                size_bytes bigint not null,
                stored_at timestamptz not null default now(),
                is_removing boolean not null default false,
                primary key (site, name));
            """);
        await create.ExecuteNonQueryAsync(cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static void Add(NpgsqlCommand command, params object[] values)
    {
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }
    }

    private static async Task<IReadOnlyList<string>> ReadAsync(NpgsqlCommand query, CancellationToken cancellationToken)
    {
        var names = new List<string>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            names.Add(rows.GetString(0));
        }

        return names;
    }
}
