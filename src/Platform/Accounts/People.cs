using Microsoft.AspNetCore.Identity;
using Npgsql;
using Platform.Events;

namespace Platform.Accounts;

/// <param name="Role">One of <see cref="AccountRoles"/>.</param>
/// <param name="HasSecondFactor">A code or a passkey beside the password.</param>
public sealed record PersonListed(Guid PersonId, string Email, string Role, bool HasSecondFactor, bool IsLockedOut);

/// <summary>The people who have an account, for admins.</summary>
public sealed class People
{
    // Any number that no other part of the product locks: two admins who make each other viewers take turns.
    private const long Lock = 0x61_6363_726f_6c65;

    private readonly NpgsqlDataSource database;
    private readonly UserManager<Person> people;
    private readonly Sessions sessions;
    private readonly TimeProvider clock;

    internal People(NpgsqlDataSource database, UserManager<Person> people, Sessions sessions, TimeProvider clock) =>
        (this.database, this.people, this.sessions, this.clock) = (database, people, sessions, clock);

    /// <summary>By address.</summary>
    public async Task<IReadOnlyList<PersonListed>> ListAsync(CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select p."Id", p."Email", coalesce(n."Name", ''),
                p."TwoFactorEnabled" or exists (select from accounts."AspNetUserPasskeys" k where k."UserId" = p."Id"),
                p."LockoutEnd" is not null and p."LockoutEnd" > $1
            from accounts."AspNetUsers" p
            left join accounts."AspNetUserRoles" r on r."UserId" = p."Id"
            left join accounts."AspNetRoles" n on n."Id" = r."RoleId"
            order by p."Email"
            """);
        query.Parameters.Add(new() { Value = clock.GetUtcNow() });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        var listed = new List<PersonListed>();
        while (await rows.ReadAsync(cancellationToken))
        {
            listed.Add(new PersonListed(rows.GetGuid(0), rows.GetString(1), rows.GetString(2), rows.GetBoolean(3), rows.GetBoolean(4)));
        }

        return listed;
    }

    /// <summary>Gives a person another role, and ends their sessions. One admin is always left. Safe to repeat.</summary>
    /// <exception cref="CommandRefusedException"><c>PERSON_NOT_FOUND</c>, <c>LAST_ADMIN</c>.</exception>
    public async Task ChangeRoleAsync(Guid personId, string role, string by, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var take = new NpgsqlCommand($"select pg_advisory_xact_lock({Lock})", connection, transaction);
        await take.ExecuteNonQueryAsync(cancellationToken);
        var person = await people.FindByIdAsync(personId.ToString())
            ?? throw new CommandRefusedException("PERSON_NOT_FOUND", "There is no such account.");
        var former = await people.GetRolesAsync(person);
        if (former is [var only] && only == role)
        {
            return;
        }

        if (former.Contains(AccountRoles.Admin) && (await people.GetUsersInRoleAsync(AccountRoles.Admin)).Count == 1)
        {
            throw new CommandRefusedException("LAST_ADMIN", "That is the only admin. Make somebody else an admin first.");
        }

        await people.RemoveFromRolesAsync(person, former);
        await people.AddToRoleAsync(person, role);
        await people.UpdateSecurityStampAsync(person);
        await RecordAsync(person, $"role_changed_to_{role}", by, cancellationToken);
    }

    /// <summary>Ends all sessions of a person, on all nodes, with the next request of each.</summary>
    /// <exception cref="CommandRefusedException"><c>PERSON_NOT_FOUND</c>.</exception>
    public async Task EndSessionsAsync(Guid personId, string by, CancellationToken cancellationToken)
    {
        await sessions.EndAllAsync(personId);
        await RecordAsync((await people.FindByIdAsync(personId.ToString()))!, "sessions_ended", by, cancellationToken);
    }

    // As in histories: the part of the address that names the person, and no address.
    private async Task RecordAsync(Person person, string what, string by, CancellationToken cancellationToken)
    {
        await using var insert = database.CreateCommand("insert into accounts.change (changed_at, changed_by, what, subject) values ($1, $2, $3, $4)");
        insert.Parameters.Add(new() { Value = clock.GetUtcNow() });
        insert.Parameters.Add(new() { Value = by });
        insert.Parameters.Add(new() { Value = what });
        insert.Parameters.Add(new() { Value = person.UserName!.Split('@')[0] });
        await insert.ExecuteNonQueryAsync(cancellationToken);
    }
}
