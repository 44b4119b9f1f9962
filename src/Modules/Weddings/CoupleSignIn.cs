using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using Platform.Accounts;
using Platform.Events;
using Weddings.Contracts;

namespace Weddings;

/// <summary>
/// How couples sign in: by a link that is mailed to an address of their wedding, works for half an hour and once, and is then a cookie.
/// Links that were not used yet are in <c>weddings.sign_in</c> by their hash; a rebuild of the read model forgets them.
/// </summary>
internal sealed class CoupleSignIn(EventStore store, NpgsqlDataSource database, TimeProvider clock)
{
    internal const string SignedInAt = "signed_in_at";

    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(30);

    /// <summary><c>POST /v1/sign-in-links</c> with the address: always 202, whoever it belongs to.</summary>
    internal static void Map(IEndpointRouteBuilder routes) => routes.MapPost("/v1/sign-in-links", PostAsync)
        .WithTags("Weddings")
        .OpenToAll("who asks has no credential yet; the link goes to the address, and the answer says nothing")
        .RequireRateLimiting(RateLimits.SignIn);

    internal async Task RequestAsync(string email, CancellationToken cancellationToken)
    {
        foreach (var weddingId in await WeddingsOfAsync(email, cancellationToken))
        {
            await store.DecideAsync<Wedding, IWeddingEvent>(
                weddingId,
                wedding =>
                [
                    .. wedding.Registered!.Emails.Index().Where(to => IsSame(to.Item, email)).Take(1)
                        .SelectMany(to => Wedding.Decide(wedding, new SignInRequested(to.Index, clock.GetUtcNow()))),
                ],
                cancellationToken);
        }
    }

    /// <summary>Makes a link for the mail that is about to go out. It cannot be had again: each attempt at the mail makes its own.</summary>
    internal async Task<string> CreateAsync(string weddingId, CancellationToken cancellationToken)
    {
        var token = Secret.New();
        await using var insert = database.CreateCommand("insert into weddings.sign_in (hash, wedding_id, created_at, expires_at) values ($1, $2, $3, $4)");
        insert.Parameters.Add(new() { Value = Secret.HashOf(token) });
        insert.Parameters.Add(new() { Value = weddingId });
        insert.Parameters.Add(new() { Value = clock.GetUtcNow() });
        insert.Parameters.Add(new() { Value = clock.GetUtcNow() + Lifetime });
        await insert.ExecuteNonQueryAsync(cancellationToken);
        return token;
    }

    internal async Task<ClaimsPrincipal?> RedeemAsync(string token, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        await using var update = database.CreateCommand("""
            update weddings.sign_in set consumed_at = $2 where hash = $1 and consumed_at is null and expires_at > $2 returning wedding_id, created_at
            """);
        update.Parameters.Add(new() { Value = Secret.HashOf(token) });
        update.Parameters.Add(new() { Value = now });
        await using var rows = await update.ExecuteReaderAsync(cancellationToken);
        return await rows.ReadAsync(cancellationToken) && await HoldsAsync(rows.GetString(0), rows.GetFieldValue<DateTimeOffset>(1), cancellationToken)
            ? PrincipalOf(rows.GetString(0), now)
            : null;
    }

    /// <summary>Whether a session, or a link, of that time is as good as then.</summary>
    internal async Task<bool> HoldsAsync(string weddingId, DateTimeOffset since, CancellationToken cancellationToken) =>
        (await store.FoldAsync<Wedding, IWeddingEvent>(weddingId, cancellationToken)).State is { Registered: not null } wedding
        && wedding.SessionsEndedAt < since;

    private static ClaimsPrincipal PrincipalOf(string weddingId, DateTimeOffset now) => new(new ClaimsIdentity(
        [
            new(AccountClaims.Id, $"couple-{weddingId}"),
            new(AccountClaims.Name, $"couple of {weddingId}"),
            new(AccountClaims.Wedding, weddingId),
            new(SignedInAt, now.ToString("O", CultureInfo.InvariantCulture)),
            .. WeddingLinks.ScopesOf(LinkKind.Couple).Select(scope => new Claim(AccountClaims.Scope, scope)),
        ],
        AccountSchemes.Couple,
        AccountClaims.Name,
        AccountClaims.Role));

    private async Task<List<string>> WeddingsOfAsync(string email, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("select wedding_id from weddings.email where address = lower($1)");
        query.Parameters.Add(new() { Value = email });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        var weddings = new List<string>();
        while (await rows.ReadAsync(cancellationToken))
        {
            weddings.Add(rows.GetString(0));
        }

        return weddings;
    }

    private static bool IsSame(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);

    private static async Task<StatusCodeHttpResult> PostAsync(SignInWish wish, IWeddings weddings, CancellationToken cancellationToken)
    {
        await weddings.RequestSignInAsync(wish.Email, cancellationToken);
        return TypedResults.StatusCode(StatusCodes.Status202Accepted);
    }

    private sealed record SignInWish(string Email);
}
