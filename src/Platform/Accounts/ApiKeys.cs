using System.Security.Claims;
using Npgsql;
using NpgsqlTypes;
using Platform.Events;

namespace Platform.Accounts;

/// <param name="Key">What callers send. It is shown this once; only its hash is kept.</param>
public sealed record NewApiKey(Guid Id, string Key);

public sealed record ApiKey(
    Guid Id,
    string Name,
    IReadOnlyList<string> Scopes,
    string CreatedBy,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt,
    string? RevokedBy,
    DateTimeOffset? RevokedAt);

/// <summary>Keys of frontends and build servers: <c>wk_</c> and a secret. They reach all weddings, within their scopes.</summary>
public sealed class ApiKeys(NpgsqlDataSource database, TimeProvider clock) : ITokenVerifier
{
    private const string Prefix = "wk_";
    private const int LongestName = 100;

    /// <param name="scopes">As <see cref="Scopes.IsKnown"/> has them.</param>
    /// <param name="expiresAt"><see langword="null"/>: until it is revoked.</param>
    /// <exception cref="CommandRefusedException"><c>INVALID_API_KEY</c>: it has no name, or a scope that there is not.</exception>
    public async Task<NewApiKey> CreateAsync(
        string name, IReadOnlyList<string> scopes, string by, DateTimeOffset? expiresAt, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Length > LongestName || scopes.Count == 0 || !scopes.All(Scopes.IsKnown))
        {
            throw new CommandRefusedException(
                "INVALID_API_KEY", $"A key has a name of 1 to {LongestName} characters and scopes of: {string.Join(", ", Scopes.All)}, these with :read, or sites:NAME.");
        }

        var (id, key) = (Guid.CreateVersion7(), Prefix + Secret.New());
        await using var insert = database.CreateCommand("""
            insert into accounts.api_key (id, hash, name, scopes, created_by, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)
            """);
        insert.Parameters.Add(new() { Value = id });
        insert.Parameters.Add(new() { Value = Secret.HashOf(key) });
        insert.Parameters.Add(new() { Value = name });
        insert.Parameters.Add(new() { Value = scopes.ToArray() });
        insert.Parameters.Add(new() { Value = by });
        insert.Parameters.Add(new() { Value = clock.GetUtcNow() });
        insert.Parameters.Add(new() { Value = expiresAt.HasValue ? expiresAt.Value : DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        await insert.ExecuteNonQueryAsync(cancellationToken);
        return new NewApiKey(id, key);
    }

    /// <summary>All keys there ever were, the newest first.</summary>
    public async Task<IReadOnlyList<ApiKey>> ListAsync(CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select id, name, scopes, created_by, created_at, expires_at, revoked_by, revoked_at from accounts.api_key order by created_at desc
            """);
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        var keys = new List<ApiKey>();
        while (await rows.ReadAsync(cancellationToken))
        {
            keys.Add(new ApiKey(
                rows.GetGuid(0),
                rows.GetString(1),
                rows.GetFieldValue<string[]>(2),
                rows.GetString(3),
                rows.GetFieldValue<DateTimeOffset>(4),
                rows.GetFieldValue<DateTimeOffset?>(5),
                rows.IsDBNull(6) ? null : rows.GetString(6),
                rows.GetFieldValue<DateTimeOffset?>(7)));
        }

        return keys;
    }

    /// <summary>The key is dead with the next request, on all nodes. Safe to repeat.</summary>
    /// <exception cref="CommandRefusedException"><c>API_KEY_NOT_FOUND</c>.</exception>
    public async Task RevokeAsync(Guid id, string by, CancellationToken cancellationToken)
    {
        await using var update = database.CreateCommand("""
            update accounts.api_key set revoked_by = coalesce(revoked_by, $2), revoked_at = coalesce(revoked_at, $3) where id = $1
            """);
        update.Parameters.Add(new() { Value = id });
        update.Parameters.Add(new() { Value = by });
        update.Parameters.Add(new() { Value = clock.GetUtcNow() });
        if (await update.ExecuteNonQueryAsync(cancellationToken) == 0)
        {
            throw new CommandRefusedException("API_KEY_NOT_FOUND", "There is no such API key.");
        }
    }

    public async Task<ClaimsIdentity?> VerifyAsync(string token, CancellationToken cancellationToken)
    {
        if (!token.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        await using var query = database.CreateCommand("""
            select id, name, scopes from accounts.api_key where hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2)
            """);
        query.Parameters.Add(new() { Value = Secret.HashOf(token) });
        query.Parameters.Add(new() { Value = clock.GetUtcNow() });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        return await rows.ReadAsync(cancellationToken)
            ? new ClaimsIdentity(
                [
                    new(AccountClaims.Id, rows.GetGuid(0).ToString()),
                    new(AccountClaims.Name, rows.GetString(1)),
                    .. rows.GetFieldValue<string[]>(2).Select(scope => new Claim(AccountClaims.Scope, scope)),
                ],
                AccountSchemes.Bearer,
                AccountClaims.Name,
                AccountClaims.Role)
            : null;
    }
}
