using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;

namespace Platform.Accounts;

/// <summary>Identity's tables, in schema <c>accounts</c>. <see cref="AccountsSchema"/> makes them.</summary>
internal sealed class AccountsDb(DbContextOptions<AccountsDb> options) : IdentityDbContext<Person, IdentityRole<Guid>, Guid>(options)
{
    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.HasDefaultSchema("accounts");
    }
}
