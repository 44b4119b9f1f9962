using System.Buffers.Text;
using System.Security.Claims;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace Platform.Accounts;

/// <param name="AsksCode">A password alone does not open the account: a code of an authenticator comes with it.</param>
/// <param name="RecoveryCodes">How many are left.</param>
public sealed record OwnAccountView(string Email, bool AsksCode, int RecoveryCodes, IReadOnlyList<PasskeyListed> Passkeys);

/// <param name="PasskeyId">The credential's id in base64url.</param>
/// <param name="Name">What its owner called it, if anything.</param>
public sealed record PasskeyListed(string PasskeyId, string? Name, DateTimeOffset AddedAt);

/// <summary>
/// What people change themselves about how they sign in. Each change stands in the audit log, ends their other sessions where a secret changed, and
/// leaves the present one.
/// </summary>
public sealed class OwnAccount
{
    private const int RecoveryCodes = 10;
    private const int LongestName = 60;

    private readonly AccountsDb db;
    private readonly UserManager<Person> people;
    private readonly SignInManager<Person> signIns;
    private readonly TimeProvider clock;

    internal OwnAccount(AccountsDb db, UserManager<Person> people, SignInManager<Person> signIns, TimeProvider clock) =>
        (this.db, this.people, this.signIns, this.clock) = (db, people, signIns, clock);

    public async Task<OwnAccountView> FindAsync(ClaimsPrincipal user)
    {
        var person = await PersonOfAsync(user);
        return new OwnAccountView(
            person.Email!,
            await people.GetTwoFactorEnabledAsync(person),
            await people.CountRecoveryCodesAsync(person),
            [.. (await people.GetPasskeysAsync(person)).OrderBy(passkey => passkey.CreatedAt).Select(passkey =>
                new PasskeyListed(Base64Url.EncodeToString(passkey.CredentialId), passkey.Name, passkey.CreatedAt))]);
    }

    /// <summary>The secret that an authenticator is set up with, in base32. The same one until codes are turned off.</summary>
    public async Task<string> AuthenticatorKeyAsync(ClaimsPrincipal user)
    {
        var person = await PersonOfAsync(user);
        if (await people.GetAuthenticatorKeyAsync(person) is null)
        {
            await people.ResetAuthenticatorKeyAsync(person);
            await signIns.RefreshSignInAsync(person);
        }

        return (await people.GetAuthenticatorKeyAsync(person))!;
    }

    /// <summary>Asks for a code with each password from now on, once a first one was right.</summary>
    /// <returns>What opens the account where the authenticator is lost, known to nobody else; <see langword="null"/> where the code is wrong.</returns>
    public async Task<IReadOnlyList<string>?> TurnOnCodesAsync(ClaimsPrincipal user, string code, CancellationToken cancellationToken)
    {
        string[] recovery = [];
        return await ChangeAsync(user, "codes_turned_on", TurnOnAsync, cancellationToken) is { Succeeded: true } ? recovery : null;

        async Task<IdentityResult> TurnOnAsync(Person person)
        {
            var digits = code.Replace(" ", "", StringComparison.Ordinal);
            if (!await people.VerifyTwoFactorTokenAsync(person, people.Options.Tokens.AuthenticatorTokenProvider, digits))
            {
                return IdentityResult.Failed();
            }

            recovery = [.. await people.GenerateNewTwoFactorRecoveryCodesAsync(person, RecoveryCodes) ?? []];
            return await people.SetTwoFactorEnabledAsync(person, enabled: true);
        }
    }

    /// <summary>Asks for no code any more and forgets the authenticator.</summary>
    /// <returns>Whether the password was right: who finds an open session must not weaken the account.</returns>
    public async Task<bool> TurnOffCodesAsync(ClaimsPrincipal user, string password, CancellationToken cancellationToken)
    {
        var result = await ChangeAsync(user, "codes_turned_off", TurnOffAsync, cancellationToken);
        return result.Succeeded;

        async Task<IdentityResult> TurnOffAsync(Person person) =>
            await people.CheckPasswordAsync(person, password) && (await people.SetTwoFactorEnabledAsync(person, enabled: false)).Succeeded
                ? await people.ResetAuthenticatorKeyAsync(person)
                : IdentityResult.Failed();
    }

    /// <summary>Ends all other sessions.</summary>
    /// <returns>What is wrong with either password; nothing where it was changed.</returns>
    public async Task<IReadOnlyList<string>> ChangePasswordAsync(ClaimsPrincipal user, string current, string wanted, CancellationToken cancellationToken)
    {
        var result = await ChangeAsync(user, "password_changed", person => people.ChangePasswordAsync(person, current, wanted), cancellationToken);
        return [.. result.Errors.Select(error => error.Description)];
    }

    /// <summary>What the browser makes a passkey by. The answer must come with <see cref="AddPasskeyAsync"/> within minutes, from the same browser.</summary>
    /// <returns>For <c>PublicKeyCredential.parseCreationOptionsFromJSON</c>.</returns>
    internal async Task<string> PasskeyOptionsAsync(ClaimsPrincipal user)
    {
        var person = await PersonOfAsync(user);
        return await signIns.MakePasskeyCreationOptionsAsync(new() { Id = person.Id.ToString(), Name = person.Email!, DisplayName = person.Email! });
    }

    /// <param name="credential">As <c>PublicKeyCredential.toJSON</c> has it.</param>
    /// <returns>Whether it is genuine, for this account, and was made just now.</returns>
    public async Task<bool> AddPasskeyAsync(ClaimsPrincipal user, string credential, string name, CancellationToken cancellationToken)
    {
        var attested = await Passkeys.AttestAsync(signIns, credential);
        var result = await ChangeAsync(user, "passkey_added", AddAsync, cancellationToken);
        return result.Succeeded;

        async Task<IdentityResult> AddAsync(Person person)
        {
            if (attested is not { Succeeded: true, Passkey: var passkey, UserEntity: var owner } || owner.Id != person.Id.ToString())
            {
                return IdentityResult.Failed();
            }

            passkey.Name = name.Trim() is { Length: > 0 } given ? given[..Math.Min(given.Length, LongestName)] : null;
            return await people.AddOrUpdatePasskeyAsync(person, passkey);
        }
    }

    /// <summary>It opens the account no more. Safe to repeat.</summary>
    public Task RemovePasskeyAsync(ClaimsPrincipal user, string passkeyId, CancellationToken cancellationToken) => ChangeAsync(
        user,
        "passkey_removed",
        person => Base64Url.IsValid(passkeyId)
            ? people.RemovePasskeyAsync(person, Base64Url.DecodeFromChars(passkeyId))
            : Task.FromResult(IdentityResult.Failed()),
        cancellationToken);

    private async Task<Person> PersonOfAsync(ClaimsPrincipal user) =>
        await people.GetUserAsync(user) ?? throw new InvalidOperationException("A session outlived its account.");

    /// <summary>The change and its record happen together or not at all.</summary>
    private async Task<IdentityResult> ChangeAsync(
        ClaimsPrincipal user, string what, Func<Person, Task<IdentityResult>> change, CancellationToken cancellationToken)
    {
        var person = await PersonOfAsync(user);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var result = await change(person);
        if (result.Succeeded)
        {
            var name = user.Identity!.Name!;
            await db.Database.ExecuteSqlAsync(
                $"insert into accounts.change (changed_at, changed_by, what, subject) values ({clock.GetUtcNow()}, {name}, {what}, {name})", cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            await signIns.RefreshSignInAsync(person);
        }

        return result;
    }
}
