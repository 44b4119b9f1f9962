using System.Diagnostics;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Localization;
using Platform.Accounts;
using Platform.Events;
using Platform.Languages;

namespace Portal.Components;

/// <summary>Commands of pages, in the name of who is signed in. A page may stand open for days: each command looks anew whether they may.</summary>
internal sealed class Acting(AuthenticationStateProvider authentication, IServiceScopeFactory scopes, IStringLocalizer<Texts> texts)
{
    /// <summary>Runs a command that only admins may give.</summary>
    /// <returns>Why it was refused; <see langword="null"/> where it was carried out.</returns>
    internal async Task<string?> TryAsync(Func<string, Task> command)
    {
        var user = (await authentication.GetAuthenticationStateAsync()).User;
        await using (var scope = scopes.CreateAsyncScope())
        {
            if (!await scope.ServiceProvider.GetRequiredService<Sessions>().IsInRoleAsync(user, AccountRoles.Admin))
            {
                return texts["Refused.NoAdmin"];
            }
        }

        // A circuit is no request: what the command causes is recorded with who gave it all the same.
        using var activity = new Activity("portal.command").SetBaggage(EventMetadata.ByItem, user.Identity!.Name!).Start();
        try
        {
            await command(user.Identity!.Name!);
            return null;
        }
        catch (CommandRefusedException refused)
        {
            return refused.Message;
        }
    }
}
