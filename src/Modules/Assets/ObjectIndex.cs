using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Assets;

/// <summary>
/// Which objects are in each area of the store (<see cref="SiteObjects.AreaOf"/>), checked: what a sync compares with instead of asking the store for each. Not a read model: the
/// store is the truth, and an audit compares. A row is written after the object, and marked before the object is removed.
/// </summary>
internal sealed class ObjectIndex(NpgsqlDataSource database) : IHostedLifecycleService
{
    // Any number that no other part of the product locks; nodes that start together take turns.
    private const long SchemaLock = 0x61_7373_6574_73;

    /// <summary>The areas of a site that have objects.</summary>
    public async Task<IReadOnlyList<string>> AreasAsync(string site, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("select distinct site from assets.object where site = $1 or starts_with(site, $1 || '/') order by site");
        Add(query, site);
        return await ReadAsync(query, cancellationToken);
    }

    /// <summary>Those of the names that are not there, or about to be removed.</summary>
    public async Task<IReadOnlyList<string>> MissingAsync(string area, IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select name from unnest($2) as wanted (name)
            where not exists (select from assets.object o where o.site = $1 and o.name = wanted.name and not o.is_removing)
            """);
        Add(query, area, names.ToArray());
        return await ReadAsync(query, cancellationToken);
    }

    /// <summary>Records checked objects. Returns those that are about to be removed: they have to be sent again, later.</summary>
    public async Task<IReadOnlyList<string>> AddAsync(
        string area, IReadOnlyCollection<(string Name, long SizeBytes)> objects, CancellationToken cancellationToken)
    {
        await using var insert = database.CreateCommand("""
            with given as (select * from unnest($2, $3) as given (name, size_bytes)),
                 added as (insert into assets.object (site, name, size_bytes) select $1, name, size_bytes from given on conflict do nothing)
            select o.name from assets.object o join given using (name) where o.site = $1 and o.is_removing
            """);
        Add(insert, area, objects.Select(item => item.Name).ToArray(), objects.Select(item => item.SizeBytes).ToArray());
        return await ReadAsync(insert, cancellationToken);
    }

    /// <summary>Marks all objects but those that are kept and those stored lately. Returns all that are marked, also by an earlier sweep that died.</summary>
    public async Task<IReadOnlyList<string>> MarkAllButAsync(
        string area, IReadOnlyCollection<string> kept, DateTimeOffset storedBefore, CancellationToken cancellationToken)
    {
        await using var mark = database.CreateCommand("""
            with marked as (
                update assets.object set is_removing = true
                where site = $1 and stored_at < $3 and not is_removing and not exists (select from unnest($2) as k (name) where k.name = object.name)
                returning name)
            select name from marked union all select name from assets.object where site = $1 and is_removing
            """);
        Add(mark, area, kept.ToArray(), storedBefore);
        return await ReadAsync(mark, cancellationToken);
    }

    /// <summary>Forgets objects that are not in the store as they should be: the next sync that has them sends them.</summary>
    public async Task ForgetAsync(string area, IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        await using var delete = database.CreateCommand("delete from assets.object where site = $1 and name = any($2) and not is_removing");
        Add(delete, area, names.ToArray());
        await delete.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Forgets objects that were marked and are gone from the store.</summary>
    public async Task RemoveAsync(string area, IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        await using var delete = database.CreateCommand("delete from assets.object where site = $1 and name = any($2) and is_removing");
        Add(delete, area, names.ToArray());
        await delete.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Taken by whoever makes a release, and by whoever decides what no release has: what is there stays there in between.</summary>
    public static string CommitLock(string site) => $"commit {site}";

    /// <summary>Waits for a lock and has it until it is disposed, or this process ends.</summary>
    public async Task<IAsyncDisposable> HoldAsync(string what, CancellationToken cancellationToken)
    {
        var connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            await ExecuteAsync(connection, "select pg_advisory_lock(hashtextextended('assets ' || $1, 0))", what, cancellationToken);
            return new Hold(connection, what);
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
                site text not null, -- the area
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

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, string what, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        command.Parameters.Add(new() { Value = what });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

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

    // A connection in the pool keeps its locks.
    private sealed class Hold(NpgsqlConnection connection, string what) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await using (connection)
            {
                await ExecuteAsync(connection, "select pg_advisory_unlock(hashtextextended('assets ' || $1, 0))", what, CancellationToken.None);
            }
        }
    }
}
