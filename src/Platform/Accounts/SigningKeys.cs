using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Platform.Http;

namespace Platform.Accounts;

/// <summary>
/// An issuer's RSA keys (RFC 7517), by <c>kid</c>. Fetched when first needed, as often as the issuer's <c>Cache-Control</c> says, and when a
/// token names a key that is not among them: issuers rotate. Old keys serve on for a day while the issuer does not answer.
/// </summary>
internal sealed class SigningKeys(OidcOptions options, OutboundHttp http, TimeProvider clock, ILogger<SigningKeys> log) : IDisposable
{
    private const int LongestAnswer = 256 * 1024;
    private const int LeastKeyBits = 2048; // RFC 7518 §3.3

    // Whoever sends made-up kids must not make us ask the issuer each time.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestUse = TimeSpan.FromDays(1);

    private readonly SemaphoreSlim fetching = new(1, 1);
    private Fetched current = new(new Dictionary<string, RSAParameters>(), DateTimeOffset.MinValue, DateTimeOffset.MinValue);
    private DateTimeOffset triedAt = DateTimeOffset.MinValue;

    /// <returns><see langword="null"/> where the issuer has no such key, or could not be asked.</returns>
    internal async Task<RSAParameters?> FindAsync(string kid, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        if (!Holds(current, kid, now) && now - triedAt >= ShortestPause)
        {
            await fetching.WaitAsync(cancellationToken);
            try
            {
                if (!Holds(current, kid, now) && now - triedAt >= ShortestPause)
                {
                    triedAt = now;
                    current = await FetchAsync(now, cancellationToken) ?? current;
                }
            }
            finally
            {
                fetching.Release();
            }
        }

        return now - current.At < LongestUse && current.Keys.TryGetValue(kid, out var key) ? key : null;
    }

    public void Dispose() => fetching.Dispose();

    private static bool Holds(Fetched keys, string kid, DateTimeOffset now) => keys.Keys.ContainsKey(kid) && now < keys.FreshUntil;

    private async Task<Fetched?> FetchAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, options.KeysUrl);
            using var answer = await http.SendAsync(request, onlyTo: null, cancellationToken);
            answer.EnsureSuccessStatusCode();
            await answer.Content.LoadIntoBufferAsync(LongestAnswer, cancellationToken);
            using var set = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancellationToken));
            var keys = set.RootElement.GetProperty("keys").EnumerateArray().Select(Read).OfType<(string Kid, RSAParameters Key)>();
            var age = answer.Headers.CacheControl?.MaxAge ?? TimeSpan.FromHours(1);
            return new Fetched(
                keys.DistinctBy(key => key.Kid).ToDictionary(key => key.Kid, key => key.Key),
                now,
                now + (age < ShortestPause ? ShortestPause : age > LongestUse ? LongestUse : age));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OutboundRefusedException or JsonException
            or KeyNotFoundException or InvalidOperationException)
        {
            log.KeysNotFetched(e, options.KeysUrl.Host);
            return null;
        }
    }

    // Keys for other algorithms and other uses stand beside them.
    private static (string Kid, RSAParameters Key)? Read(JsonElement key)
    {
        if (Text("kty") != "RSA" || Text("use") is not (null or "sig") || Text("alg") is not (null or "RS256")
            || Text("kid") is not { Length: > 0 } kid || Bytes("n") is not { } modulus || Bytes("e") is not { } exponent)
        {
            return null;
        }

        return modulus.Length * 8 >= LeastKeyBits ? (kid, new RSAParameters { Modulus = modulus, Exponent = exponent }) : null;

        string? Text(string name) => key.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;

        byte[]? Bytes(string name) => Text(name) is { } text && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : null;
    }

    private sealed record Fetched(Dictionary<string, RSAParameters> Keys, DateTimeOffset At, DateTimeOffset FreshUntil);
}
