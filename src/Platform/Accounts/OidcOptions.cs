using Microsoft.Extensions.Configuration;

namespace Platform.Accounts;

/// <summary>
/// Who issues the ID tokens that callers may send: settings <c>Auth__Oidc__Issuer</c>, <c>__Audience</c> and <c>__KeysUrl</c> (a JSON Web Key
/// Set), or <c>Auth__Firebase__Project</c>, from which all three follow.
/// </summary>
internal sealed record OidcOptions(string Issuer, string Audience, Uri KeysUrl)
{
    // https://firebase.google.com/docs/auth/admin/verify-id-tokens: the same keys as its X.509 certificates.
    private const string FirebaseKeys = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";

    /// <returns><see langword="null"/> where nobody's tokens are taken.</returns>
    /// <exception cref="StartupException">A setting is missing or wrong.</exception>
    internal static OidcOptions? Read(IConfiguration configuration)
    {
        if (configuration["Auth:Firebase:Project"] is { Length: > 0 } project)
        {
            return new OidcOptions($"https://securetoken.google.com/{project}", project, new Uri(FirebaseKeys));
        }

        var oidc = configuration.GetSection("Auth:Oidc");
        if (string.IsNullOrEmpty(oidc["Issuer"]))
        {
            return null;
        }

        return Uri.TryCreate(oidc["KeysUrl"], UriKind.Absolute, out var keys) && oidc["Audience"] is { Length: > 0 } audience
            ? new OidcOptions(oidc["Issuer"]!, audience, keys)
            : throw new StartupException("Auth__Oidc__Issuer is set, but Auth__Oidc__Audience is missing, or Auth__Oidc__KeysUrl is no URL.");
    }
}
