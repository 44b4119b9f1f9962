using Microsoft.AspNetCore.Identity;

namespace Platform.Accounts;

/// <summary>Somebody who looks after the product and signs in with a password or a passkey. The user name is the e-mail address.</summary>
public sealed class Person : IdentityUser<Guid>
{
    public Person() => Id = Guid.CreateVersion7();
}
