using System.Buffers.Text;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Platform.Accounts;
using Platform.Http;
using Testing;
using Xunit;

namespace Platform.Tests.Accounts;

/// <summary>ID tokens as Firebase issues them, and as those make them who are not Firebase.</summary>
public sealed class IdTokenTests : IAsyncLifetime
{
    private const string Issuer = "https://issuer.example/photos";
    private const string Audience = "photos";

    private readonly RSA issuerKey = RSA.Create(2048);
    private readonly ShiftedClock clock = new();
    private FileServer issuer = null!;
    private OutboundHttp http = null!;
    private SigningKeys keys = null!;
    private IdTokens tokens = null!;

    public async ValueTask InitializeAsync()
    {
        issuer = await FileServer.StartAsync();
        Publish(("k1", issuerKey));
        var options = new OidcOptions(Issuer, Audience, new Uri(issuer.Address, "keys"));
        http = new OutboundHttp(OutboundOptions.Read(new ConfigurationBuilder()
            .AddInMemoryCollection([new("Outbound:PrivateHosts", issuer.Address.Authority)]).Build()));
        keys = new SigningKeys(options, http, clock, NullLogger<SigningKeys>.Instance);
        tokens = new IdTokens(options, keys, clock, NullLogger<IdTokens>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        keys.Dispose();
        http.Dispose();
        issuerKey.Dispose();
        await issuer.DisposeAsync();
    }

    [Fact]
    public async Task A_good_token_says_who_uploads_and_which_weddings_it_reaches()
    {
        var user = new ClaimsPrincipal((await VerifyAsync(Token(claims => claims["weddings"] = new JsonArray("ann-bob"))))!);
        Assert.Equal("u1", user.FindFirst(AccountClaims.UploadsAs)!.Value);
        Assert.True(user.Reaches("ann-bob"));
        Assert.False(user.Reaches("cid-dan"));
        Assert.False(user.HasClaim(AccountClaims.Scope, Scopes.Albums));

        var nobodys = new ClaimsPrincipal((await VerifyAsync(Token()))!);
        Assert.False(nobodys.Reaches("ann-bob"));
        Assert.False(nobodys.Reaches(null));
        Assert.NotNull(await VerifyAsync(Token(claims => claims["aud"] = new JsonArray(Audience))));
    }

    public static TheoryData<string> HostileClaims =>
    [
        "aud: other", "aud: missing", "aud: one of several", "iss: other", "iss: missing", "exp: past", "exp: missing", "exp: text", "iat: future",
        "iat: missing", "nbf: future", "auth_time: future", "sub: empty", "sub: missing", "sub: too long", "sub: number",
    ];

    [Theory]
    [MemberData(nameof(HostileClaims))]
    public async Task A_token_with_a_wrong_claim_is_refused(string fault)
    {
        var now = clock.GetUtcNow();
        Assert.Null(await VerifyAsync(Token(claims =>
        {
            var (name, how) = (fault.Split(": ")[0], fault.Split(": ")[1]);
            claims.Remove(name);
            JsonNode? value = (name, how) switch
            {
                (_, "missing") => null,
                ("aud", "one of several") => new JsonArray(Audience, "other"),
                ("exp", "past") => now.AddMinutes(-2).ToUnixTimeSeconds(),
                (_, "future") => now.AddMinutes(2).ToUnixTimeSeconds(),
                ("sub", "too long") => new string('u', 129),
                (_, "number") => 7,
                (_, "empty") => "",
                (_, var text) => text,
            };
            if (value is not null)
            {
                claims[name] = value;
            }
        })));
    }

    public static TheoryData<string> HostileHeaders => ["none", "None", "HS256", "RS384", "PS256", "", "kid", "no kid", "crit"];

    [Theory]
    [MemberData(nameof(HostileHeaders))]
    public async Task The_algorithm_is_not_the_tokens_to_choose(string fault)
    {
        var header = new JsonObject { ["alg"] = "RS256", ["kid"] = "k1", ["typ"] = "JWT" };
        switch (fault)
        {
            case "kid":
                header["kid"] = "k2";
                break;
            case "no kid":
                header.Remove("kid");
                break;
            case "crit":
                header["crit"] = new JsonArray("exp");
                break;
            default:
                header["alg"] = fault;
                break;
        }

        // HS256 with what everybody knows, the public key, as the secret: the confusion that gave the attack its name.
        Func<byte[], byte[]> sign = fault switch
        {
            "none" or "None" or "" => _ => [],
            "HS256" => content => HMACSHA256.HashData(Encoding.ASCII.GetBytes(issuerKey.ExportRSAPublicKeyPem()), content),
            "RS384" => content => issuerKey.SignData(content, HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1),
            "PS256" => content => issuerKey.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
            _ => Sign,
        };
        Assert.Null(await VerifyAsync(Assemble(header, Claims(), sign)));
    }

    [Fact]
    public async Task Another_keys_signature_swapped_parts_and_malformed_tokens_are_refused()
    {
        using var stranger = RSA.Create(2048);
        var good = Token().Split('.');
        var other = Token(claims => claims["sub"] = "u2").Split('.');
        Assert.Null(await VerifyAsync(Assemble(
            Header(), Claims(), content => stranger.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))));
        Assert.Null(await VerifyAsync($"{good[0]}.{other[1]}.{good[2]}"));
        Assert.Null(await VerifyAsync($"{good[1]}.{good[0]}.{good[2]}"));
        string[] malformed =
        [
            "", ".", "..", "...", "a.b.c", $"{good[0]}.{good[1]}", $"{good[0]}.{good[1]}.", $"{good[0]}.{good[1]}.{good[2]}.x", $" {good[0]}.{good[1]}.{good[2]}",
            $"{good[0]}.{good[1]}.{good[2]}=", $"{good[0]}.{good[1]}\n.{good[2]}", new string('a', 9000) + ".b.c",
            Assemble("[]", Claims().ToJsonString(), Sign), Assemble(Header().ToJsonString(), "7", Sign), Assemble(Header().ToJsonString(), "{", Sign),
            Assemble(Header().ToJsonString(), Claims().ToJsonString().Replace("""{"iss""", """{"sub":"admin","iss""", StringComparison.Ordinal), Sign),
        ];
        foreach (var token in malformed)
        {
            Assert.Null(await VerifyAsync(token));
        }

        Assert.NotNull(await VerifyAsync(string.Join('.', good)));
    }

    [Fact]
    public async Task A_new_key_is_fetched_when_a_token_names_it_and_made_up_ones_do_not_ask_the_issuer_again()
    {
        Assert.NotNull(await VerifyAsync(Token()));
        using var next = RSA.Create(2048);
        Publish(("k1", issuerKey), ("k2", next));
        var rotated = Assemble(
            new JsonObject { ["alg"] = "RS256", ["kid"] = "k2" },
            Claims(),
            content => next.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        Assert.Null(await VerifyAsync(rotated));
        clock.Shift += TimeSpan.FromMinutes(1);
        Assert.NotNull(await VerifyAsync(rotated));
        var asked = issuer.Requests.Count;
        for (var attempt = 0; attempt < 20; attempt++)
        {
            Assert.Null(await VerifyAsync(Assemble(new JsonObject { ["alg"] = "RS256", ["kid"] = $"made up {attempt}" }, Claims(), Sign)));
        }

        Assert.Equal(asked, issuer.Requests.Count);
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task Keys_serve_on_for_a_day_while_the_issuer_does_not_answer()
    {
        Assert.NotNull(await VerifyAsync(Token()));
        issuer.Status = 503;
        clock.Shift += TimeSpan.FromHours(23);
        Assert.NotNull(await VerifyAsync(Token()));
        clock.Shift += TimeSpan.FromHours(2);
        Assert.Null(await VerifyAsync(Token()));
        issuer.Status = null;
        clock.Shift += TimeSpan.FromMinutes(2);
        Assert.NotNull(await VerifyAsync(Token()));
    }

    [Fact]
    public async Task A_key_that_is_too_short_or_for_something_else_is_none()
    {
        using var weak = RSA.Create(1024);
        Publish(("k1", weak));
        Assert.Null(await VerifyAsync(Assemble(
            Header(), Claims(), content => weak.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))));
        clock.Shift += TimeSpan.FromMinutes(2);
        issuer.Put("keys", Encoding.UTF8.GetBytes(Set(("k1", issuerKey)).Replace("\"sig\"", "\"enc\"", StringComparison.Ordinal)));
        Assert.Null(await VerifyAsync(Token()));
    }

    private Task<ClaimsIdentity?> VerifyAsync(string token) => tokens.VerifyAsync(token, TestContext.Current.CancellationToken);

    private void Publish(params (string Kid, RSA Key)[] published) => issuer.Put("keys", Encoding.UTF8.GetBytes(Set(published)));

    private static string Set(params (string Kid, RSA Key)[] published) => JsonSerializer.Serialize(new
    {
        keys = published.Select(key =>
        {
            var parameters = key.Key.ExportParameters(includePrivateParameters: false);
            return new
            {
                kty = "RSA",
                alg = "RS256",
                use = "sig",
                kid = key.Kid,
                n = Base64Url.EncodeToString(parameters.Modulus),
                e = Base64Url.EncodeToString(parameters.Exponent),
            };
        }),
    });

    private static JsonObject Header() => new() { ["alg"] = "RS256", ["kid"] = "k1", ["typ"] = "JWT" };

    private JsonObject Claims()
    {
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        return new JsonObject
        {
            ["iss"] = Issuer,
            ["aud"] = Audience,
            ["sub"] = "u1",
            ["iat"] = now - 10,
            ["auth_time"] = now - 20,
            ["exp"] = now + 3600,
        };
    }

    private string Token(Action<JsonObject>? change = null)
    {
        var claims = Claims();
        change?.Invoke(claims);
        return Assemble(Header(), claims, Sign);
    }

    private byte[] Sign(byte[] content) => issuerKey.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    private static string Assemble(JsonObject header, JsonObject claims, Func<byte[], byte[]> sign) =>
        Assemble(header.ToJsonString(), claims.ToJsonString(), sign);

    private static string Assemble(string header, string claims, Func<byte[], byte[]> sign)
    {
        var content = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}";
        return $"{content}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(content)))}";
    }
}
