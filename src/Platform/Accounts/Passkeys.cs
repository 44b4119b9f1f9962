using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Routing;

namespace Platform.Accounts;

/// <summary>
/// Passkeys (WebAuthn level 3): a script asks here for options, the browser makes a credential of them, and a form of a page brings it. What was
/// asked for stands meanwhile in a cookie that only this product reads; without it, or after some minutes, nothing is genuine.
/// </summary>
public static class Passkeys
{
    /// <summary>Options for a new passkey of whoever is signed in.</summary>
    public const string CreationOptions = "/account/passkey-options";

    /// <summary>Options to sign in by any passkey of this product.</summary>
    public const string SignInOptions = "/sign-in/passkey-options";

    private const string Json = "application/json";

    internal static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost(CreationOptions, async (OwnAccount account, ClaimsPrincipal user) => Results.Content(await account.PasskeyOptionsAsync(user), Json))
            .RequireAuthorization(Policies.Viewer)
            .ExcludeFromDescription();
        endpoints.MapPost(SignInOptions, async (SignInManager<Person> signIns) => Results.Content(await signIns.MakePasskeyRequestOptionsAsync(user: null), Json))
            .OpenToAll("people sign in here")
            .RequireRateLimiting(RateLimits.SignIn)
            .ExcludeFromDescription();
    }

    /// <summary>Signs in whose passkey it is. It stands for password and code, because it asks its owner for a PIN or a finger.</summary>
    /// <param name="credential">As <c>PublicKeyCredential.toJSON</c> has it.</param>
    public static async Task<SignInResult> SignInAsync(SignInManager<Person> signIns, string credential)
    {
        try
        {
            return await signIns.PasskeySignInAsync(credential);
        }
        catch (InvalidOperationException) // nothing was asked for, or too long ago
        {
            return SignInResult.Failed;
        }
    }

    internal static async Task<PasskeyAttestationResult?> AttestAsync(SignInManager<Person> signIns, string credential)
    {
        try
        {
            return await signIns.PerformPasskeyAttestationAsync(credential);
        }
        catch (InvalidOperationException) // as above
        {
            return null;
        }
    }
}
