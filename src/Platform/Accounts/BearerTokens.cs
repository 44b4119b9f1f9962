using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Platform.Accounts;

/// <summary>Knows one kind of token by its form, and whether it is good.</summary>
public interface ITokenVerifier
{
    /// <returns>Who it is, with name and claims; <see langword="null"/> where the token is of another kind, or not good any more.</returns>
    Task<ClaimsIdentity?> VerifyAsync(string token, CancellationToken cancellationToken);
}

/// <summary><c>Authorization: Bearer</c> (RFC 6750). Asked anew with each request: what is revoked is over at once.</summary>
internal sealed class BearerTokens(
    IEnumerable<ITokenVerifier> verifiers, IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logs, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logs, encoder)
{
    private const string Prefix = "Bearer ";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Headers.Authorization is not [{ } header] || !header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return AuthenticateResult.NoResult();
        }

        var token = header[Prefix.Length..].Trim();
        foreach (var verifier in verifiers)
        {
            if (await verifier.VerifyAsync(token, Context.RequestAborted) is { } caller)
            {
                return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(caller), Scheme.Name));
            }
        }

        return AuthenticateResult.Fail("The token is not valid.");
    }
}
