using System.Security.Claims;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Platform.Accounts;

/// <summary>
/// A person's claims. Histories name people, and hold no e-mail addresses: the name is what stands before the @ of the address, beside an id.
/// </summary>
internal sealed class PersonClaims(UserManager<Person> people, RoleManager<IdentityRole<Guid>> roles, IOptions<IdentityOptions> options)
    : UserClaimsPrincipalFactory<Person, IdentityRole<Guid>>(people, roles, options)
{
    protected override async Task<ClaimsIdentity> GenerateClaimsAsync(Person user)
    {
        var identity = await base.GenerateClaimsAsync(user);
        if (identity.FindFirst(AccountClaims.Name) is { } address)
        {
            identity.RemoveClaim(address);
            identity.AddClaim(new Claim(AccountClaims.Name, address.Value.Split('@')[0]));
        }

        return identity;
    }
}
