using System.Buffers.Text;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Platform.Accounts;

/// <summary>
/// ID tokens (OpenID Connect Core 1.0 §3.1.3.7) signed with RS256 by the one issuer of <see cref="OidcOptions"/>, and no others: the algorithm is
/// ours to choose, not the token's (RFC 8725 §3.1). The framework's handler for them is not in the package source.
/// </summary>
/// <remarks>
/// Whoever has one uploads as its <c>sub</c>, and reaches the weddings that the issuer put into its claim <c>weddings</c>, which in Firebase is a
/// custom claim. A token is not revoked before it expires; issuers give it an hour.
/// </remarks>
internal sealed class IdTokens(OidcOptions options, SigningKeys keys, TimeProvider clock, ILogger<IdTokens> log) : ITokenVerifier
{
    private const int LongestToken = 8 * 1024;
    private const int LongestSubject = 128; // Firebase; OpenID Connect has 255
    private const int MostWeddings = 100;

    /// <summary>A wedding that there is not: whose token names none reaches none.</summary>
    private const string NoWedding = "";

    // Of the issuer's clock and ours.
    private static readonly TimeSpan Drift = TimeSpan.FromMinutes(1);

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    public async Task<ClaimsIdentity?> VerifyAsync(string token, CancellationToken cancellationToken)
    {
        if (token.Length > LongestToken || token.Split('.') is not [var header, var payload, var signature])
        {
            return null;
        }

        try
        {
            using var head = Read(header);
            var kid = Text(head.RootElement, "kid");
            if (Text(head.RootElement, "alg") != "RS256" || head.RootElement.TryGetProperty("crit", out _) || string.IsNullOrEmpty(kid))
            {
                return Refuse("it is not signed with RS256 by a named key");
            }

            if (await keys.FindAsync(kid, cancellationToken) is not { } key || !IsSigned($"{header}.{payload}", Bytes(signature), key))
            {
                return Refuse("the issuer has no such key, or did not sign it");
            }

            using var body = Read(payload);
            return Fault(body.RootElement) is { } fault ? Refuse(fault) : IdentityOf(body.RootElement);
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return Refuse("it is malformed");
        }
    }

    private static bool IsSigned(string content, byte[] signature, RSAParameters key)
    {
        using var rsa = RSA.Create(key);
        return rsa.VerifyData(Encoding.ASCII.GetBytes(content), signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    private string? Fault(JsonElement claims)
    {
        var now = clock.GetUtcNow();
        return Text(claims, "iss") != options.Issuer ? "it is another issuer's"
            : !IsForUs(claims) ? "it is for another audience"
            : Time(claims, "exp") is not { } expires || expires + Drift <= now ? "it has expired"
            : Time(claims, "iat") is not { } issued || issued - Drift > now ? "it was issued in the future"
            : claims.TryGetProperty("nbf", out _) && !(Time(claims, "nbf") - Drift <= now) ? "it does not hold yet"
            : claims.TryGetProperty("auth_time", out _) && !(Time(claims, "auth_time") - Drift <= now) ? "its sign-in is in the future"
            : Text(claims, "sub") is not { Length: > 0 and <= LongestSubject } ? "it is nobody's"
            : null;
    }

    // One that is for others too could have been handed on by them.
    private bool IsForUs(JsonElement claims) => claims.TryGetProperty("aud", out var audience) && (audience.ValueKind switch
    {
        JsonValueKind.String => audience.GetString() == options.Audience,
        JsonValueKind.Array => audience.GetArrayLength() == 1 && audience[0].ValueKind is JsonValueKind.String && audience[0].GetString() == options.Audience,
        _ => false,
    });

    private static ClaimsIdentity IdentityOf(JsonElement claims)
    {
        var subject = Text(claims, "sub")!;
        string[] weddings = claims.TryGetProperty("weddings", out var named) && named.ValueKind is JsonValueKind.Array
            ? [.. named.EnumerateArray().Where(wedding => wedding.ValueKind is JsonValueKind.String).Select(wedding => wedding.GetString()!).Take(MostWeddings)]
            : [];
        return new ClaimsIdentity(
            [
                new(AccountClaims.Id, subject),
                new(AccountClaims.Name, subject),
                new(AccountClaims.UploadsAs, subject),
                new(AccountClaims.Scope, Scopes.Uploads),
                new(AccountClaims.Scope, $"{Scopes.Albums}:read"),
                .. weddings.DefaultIfEmpty(NoWedding).Select(wedding => new Claim(AccountClaims.Wedding, wedding)),
            ],
            AccountSchemes.Bearer,
            AccountClaims.Name,
            AccountClaims.Role);
    }

    private ClaimsIdentity? Refuse(string reason)
    {
        log.IdTokenRefused(reason);
        return null;
    }

    private static JsonDocument Read(string segment)
    {
        var document = JsonDocument.Parse(Bytes(segment), Strict);
        return document.RootElement.ValueKind is JsonValueKind.Object ? document : throw new FormatException("Not an object.");
    }

    // RFC 7515 §2: without padding, and without white space, which the decoder would skip.
    private static byte[] Bytes(string segment) => segment.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
        ? Base64Url.DecodeFromChars(segment)
        : throw new FormatException("Not base64url.");

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;

    private static DateTimeOffset? Time(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Number && value.TryGetDouble(out var seconds)
        && seconds is > 0 and < 253_402_300_000 // the year 9999
            ? DateTimeOffset.UnixEpoch.AddSeconds(seconds)
            : null;
}
