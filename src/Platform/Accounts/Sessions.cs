using System.Security.Claims;
using Microsoft.AspNetCore.Identity;

namespace Platform.Accounts;

/// <summary>Sessions of people who signed in. A circuit keeps the identity it began with: it asks here whether that still holds.</summary>
public sealed class Sessions(SignInManager<Person> signIns, UserManager<Person> people)
{
    /// <summary>Whether the session goes on: the account is there, is not locked, and nobody ended its sessions.</summary>
    public async Task<bool> HoldsAsync(ClaimsPrincipal user) =>
        await signIns.ValidateSecurityStampAsync(user) is { } person && !await people.IsLockedOutAsync(person);

    /// <summary>The roles as they are now, whatever the session began with.</summary>
    public async Task<bool> IsInRoleAsync(ClaimsPrincipal user, string role) =>
        await signIns.ValidateSecurityStampAsync(user) is { } person && await people.IsInRoleAsync(person, role);
}
