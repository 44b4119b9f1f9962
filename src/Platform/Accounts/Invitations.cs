using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Platform.Events;

namespace Platform.Accounts;

/// <summary>
/// One-time links by which people get an account: the first admin's, which the host prints, and those of whom an admin invites. Whoever has
/// the link chooses e-mail address and password; the role comes with the link.
/// </summary>
public sealed class Invitations(NpgsqlDataSource database, IServiceScopeFactory scopes, TimeProvider clock)
{
    // Any number that no other part of the product locks.
    private const long Lock = 0x61_6363_696e_7669;

    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    /// <summary>Makes a link that holds for 24 hours and one person.</summary>
    /// <param name="role">One of <see cref="AccountRoles"/>.</param>
    /// <returns>The token of <see cref="AccountPaths.Invitation"/>. It is known to nobody else and cannot be had again.</returns>
    public Task<string> CreateAsync(string role, string by, CancellationToken cancellationToken) =>
        role is AccountRoles.Admin or AccountRoles.Viewer
            ? CreateAsync(role, by, isFirst: false, cancellationToken)
            : throw new ArgumentException($"There is no role {role}.", nameof(role));

    /// <summary>The first admin's link, or <see langword="null"/> where somebody has an account already.</summary>
    internal async Task<string?> CreateFirstAsync(CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""select exists (select from accounts."AspNetUsers")""");
        return await query.ExecuteScalarAsync(cancellationToken) is true
            ? null
            : await CreateAsync(AccountRoles.Admin, "host", isFirst: true, cancellationToken);
    }

    /// <summary>The role that a link gives; <see langword="null"/> where it was used, has expired or never was.</summary>
    public async Task<string?> RoleOfAsync(string token, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select role from accounts.invitation
            where hash = $1 and consumed_at is null and expires_at > $2
              and not (is_first and exists (select from accounts."AspNetUsers"))
            """);
        query.Parameters.Add(new() { Value = Secret.HashOf(token) });
        query.Parameters.Add(new() { Value = clock.GetUtcNow() });
        return (string?)await query.ExecuteScalarAsync(cancellationToken);
    }

    /// <summary>Uses a link up and makes the account. Both or neither: a password that is too weak leaves the link as it was.</summary>
    /// <exception cref="CommandRefusedException"><c>INVITATION_INVALID</c>: it was used, has expired or never was.</exception>
    public async Task<IdentityResult> RedeemAsync(string token, string email, string password, CancellationToken cancellationToken)
    {
        // Entity Framework is loaded for who redeems a link, and not by every start: it costs a second and some megabytes.
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AccountsDb>();
        var people = scope.ServiceProvider.GetRequiredService<UserManager<Person>>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

        // Two of the first admin's links may be used at once: each node that starts makes one.
        await db.Database.ExecuteSqlAsync($"select pg_advisory_xact_lock({Lock})", cancellationToken);
        var role = await RoleOfAsync(token, cancellationToken);
        var (hash, now) = (Secret.HashOf(token), clock.GetUtcNow());
        if (role is null
            || await db.Database.ExecuteSqlAsync(
                $"update accounts.invitation set consumed_at = {now} where hash = {hash} and consumed_at is null", cancellationToken) == 0)
        {
            throw new CommandRefusedException("INVITATION_INVALID", "The link was used already, has expired, or never was one. Ask for another.");
        }

        var person = new Person { UserName = email, Email = email, EmailConfirmed = true };
        var result = await people.CreateAsync(person, password);
        if (result.Succeeded)
        {
            result = await people.AddToRoleAsync(person, role);
            await transaction.CommitAsync(cancellationToken);
        }

        return result;
    }

    private async Task<string> CreateAsync(string role, string by, bool isFirst, CancellationToken cancellationToken)
    {
        var token = Secret.New();
        var now = clock.GetUtcNow();
        await using var insert = database.CreateCommand("""
            insert into accounts.invitation (hash, role, is_first, created_by, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)
            """);
        insert.Parameters.Add(new() { Value = Secret.HashOf(token) });
        insert.Parameters.Add(new() { Value = role });
        insert.Parameters.Add(new() { Value = isFirst });
        insert.Parameters.Add(new() { Value = by });
        insert.Parameters.Add(new() { Value = now });
        insert.Parameters.Add(new() { Value = now + Lifetime });
        await insert.ExecuteNonQueryAsync(cancellationToken);
        return token;
    }
}
