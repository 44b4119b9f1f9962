using Npgsql;

namespace Weddings;

/// <summary>
/// How often the password of one link may be wrong, whoever tries: addresses are cheap. Counted for all nodes in <c>weddings.password_try</c>; a rebuild
/// of the read model forgets it. Who has a ticket notices nothing.
/// </summary>
internal sealed class PasswordTries(NpgsqlDataSource database, TimeProvider clock)
{
    // More than a party mistypes; for somebody who guesses, 4,000 a day.
    private const int Most = 30;

    // Who has the address can keep others from opening it, and no longer than this once they stop.
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    /// <summary>Takes a try. To be called before the password is looked at, so that many requests at once are no way around.</summary>
    /// <returns>Whether there was one left.</returns>
    internal async Task<bool> TakeAsync(Guid linkId, CancellationToken cancellationToken)
    {
        await using var take = database.CreateCommand("""
            insert into weddings.password_try as last (link_id, tries, since) values ($1, 1, $2)
            on conflict (link_id) do update set
                tries = case when last.since <= $3 then 1 else last.tries + 1 end,
                since = case when last.since <= $3 then $2 else last.since end
            returning tries
            """);
        take.Parameters.Add(new() { Value = linkId });
        take.Parameters.Add(new() { Value = clock.GetUtcNow() });
        take.Parameters.Add(new() { Value = clock.GetUtcNow() - Window });
        return (int)(await take.ExecuteScalarAsync(cancellationToken))! <= Most;
    }

    /// <summary>The password was right: that try does not count.</summary>
    internal async Task ReturnAsync(Guid linkId, CancellationToken cancellationToken)
    {
        await using var give = database.CreateCommand("update weddings.password_try set tries = tries - 1 where link_id = $1");
        give.Parameters.Add(new() { Value = linkId });
        await give.ExecuteNonQueryAsync(cancellationToken);
    }
}
