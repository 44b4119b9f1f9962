using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Platform.Events;

namespace Platform.Accounts;

/// <param name="Role">One of <see cref="AccountRoles"/>.</param>
/// <param name="HasSecondFactor">A code or a passkey beside the password.</param>
public sealed record PersonListed(Guid PersonId, string Email, string Role, bool HasSecondFactor, bool IsLockedOut);

/// <summary>The people who have an account, for admins.</summary>
public sealed class People(NpgsqlDataSource database, IServiceScopeFactory scopes, TimeProvider clock)
{
    // Any number that no other part of the product locks: two admins who make each other viewers take turns.
    private const long Lock = 0x61_6363_726f_6c65;

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
    public Task ChangeRoleAsync(Guid personId, string role, string by, CancellationToken cancellationToken) =>
        ChangeAsync(personId, $"role_changed_to_{role}", by, (people, person) => GiveRoleAsync(people, person, role), cancellationToken);

    /// <summary>Ends all sessions of a person, on all nodes, with the next request of each.</summary>
    /// <exception cref="CommandRefusedException"><c>PERSON_NOT_FOUND</c>.</exception>
    public Task EndSessionsAsync(Guid personId, string by, CancellationToken cancellationToken) =>
        ChangeAsync(personId, "sessions_ended", by, (_, _) => Task.FromResult(true), cancellationToken);

    private static async Task<bool> GiveRoleAsync(UserManager<Person> people, Person person, string role)
    {
        var former = await people.GetRolesAsync(person);
        if (former is [var only] && only == role)
        {
            return false;
        }

        if (former.Contains(AccountRoles.Admin) && (await people.GetUsersInRoleAsync(AccountRoles.Admin)).Count == 1)
        {
            throw new CommandRefusedException("LAST_ADMIN", "That is the only admin. Make somebody else an admin first.");
        }

        Demand(await people.RemoveFromRolesAsync(person, former));
        Demand(await people.AddToRoleAsync(person, role));
        return true;
    }

    /// <summary>The change, the end of the sessions and the record of both happen together or not at all.</summary>
    /// <param name="change">False where there is nothing to change.</param>
    private async Task ChangeAsync(
        Guid personId, string what, string by, Func<UserManager<Person>, Person, Task<bool>> change, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AccountsDb>();
        var people = scope.ServiceProvider.GetRequiredService<UserManager<Person>>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync($"select pg_advisory_xact_lock({Lock})", cancellationToken);
        var person = await people.FindByIdAsync(personId.ToString())
            ?? throw new CommandRefusedException("PERSON_NOT_FOUND", "There is no such account.");
        if (!await change(people, person))
        {
            return;
        }

        Demand(await people.UpdateSecurityStampAsync(person));
        var subject = person.UserName!.Split('@')[0]; // as in histories: the part of the address that names the person, and no address
        await db.Database.ExecuteSqlAsync(
            $"insert into accounts.change (changed_at, changed_by, what, subject) values ({clock.GetUtcNow()}, {by}, {what}, {subject})", cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private static void Demand(IdentityResult result)
    {
        if (!result.Succeeded)
        {
            throw new InvalidOperationException($"The account was not changed: {result}.");
        }
    }
}
