using System.Security.Claims;
using Microsoft.Extensions.Localization;
using Npgsql;
using NpgsqlTypes;
using Platform.Events;
using Platform.Http;
using Platform.Languages;
using Weddings.Contracts;

namespace Weddings;

/// <summary>The module's border: what the Portal and the endpoints call.</summary>
internal sealed class WeddingsFacade(
    EventStore store,
    NpgsqlDataSource database,
    WeddingLinks links,
    CoupleSignIn signIn,
    LinkPasswords passwords,
    PasswordTries tries,
    ChangeBranding branding,
    IStringLocalizer<Texts> texts,
    PublicUrl publicUrl,
    TimeProvider clock) : IWeddings
{
    private const int PageSize = 100;

    private static readonly TimeSpan LongestLink = TimeSpan.FromDays(2 * 366);

    public async Task<WeddingView?> FindAsync(string weddingId, CancellationToken cancellationToken) =>
        (await store.FoldAsync<Wedding, IWeddingEvent>(weddingId, cancellationToken)).State is { Registered: not null } wedding ? wedding.View() : null;

    public async Task<IReadOnlyList<WeddingListed>> ListAsync(string? search, string? before, CancellationToken cancellationToken)
    {
        await using var query = database.CreateCommand("""
            select id, name, date, registered_at from weddings.wedding
            where ($1 is null or position(lower($1) in lower(name || ' ' || id)) > 0)
              and ($2 is null or (registered_at, id) < (select registered_at, id from weddings.wedding where id = $2))
            order by registered_at desc, id desc limit $3
            """);
        query.Parameters.Add(new() { Value = (object?)search ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        query.Parameters.Add(new() { Value = (object?)before ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        query.Parameters.Add(new() { Value = PageSize });
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        var weddings = new List<WeddingListed>();
        while (await rows.ReadAsync(cancellationToken))
        {
            weddings.Add(new WeddingListed(
                rows.GetString(0), rows.GetString(1), rows.GetFieldValue<DateOnly?>(2), rows.GetFieldValue<DateTimeOffset>(3)));
        }

        return weddings;
    }

    public async Task<WeddingView> RegisterAsync(RegisterWedding command, CancellationToken cancellationToken)
    {
        var wanted = RegisterWeddingHandler.Checked(command, Guid.CreateVersion7().ToString("n"), clock.GetUtcNow());
        var wedding = await store.DecideAsync<Wedding, IWeddingEvent>(
            wanted.WeddingId, state => Wedding.Decide(state, wanted), cancellationToken);
        return wedding.State.View();
    }

    public Task ChangeBrandingAsync(string weddingId, Branding wanted, string by, CancellationToken cancellationToken) =>
        branding.ChangeAsync(weddingId, wanted, by, cancellationToken);

    public Task ChangeLogoAsync(string weddingId, ReadOnlyMemory<byte> bytes, string by, CancellationToken cancellationToken) =>
        branding.ChangeLogoAsync(weddingId, bytes, by, cancellationToken);

    public async Task<string?> PreviewMailAsync(string weddingId, Branding wanted, CancellationToken cancellationToken) =>
        (await store.FoldAsync<Wedding, IWeddingEvent>(weddingId, cancellationToken)).State.Registered is { } registered
            ? SendSignInLinkHandler.Compose(texts, registered.Name, wanted, "https://example.com/").ToMail(weddingId, "couple@example.com").Html
            : null;

    public async Task<NewLink> IssueLinkAsync(string weddingId, IssueLink command, string by, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var expiresAt = command.ExpiresAt ?? now.AddDays(command.Kind is LinkKind.Guest ? 183 : 366);
        if (expiresAt <= now || expiresAt > now + LongestLink || !Enum.IsDefined(command.Kind))
        {
            throw new CommandRefusedException("INVALID_LINK", "A link is for guest, couple or share, and expires within two years.");
        }

        var (token, hash) = WeddingLinks.New(weddingId);
        var issued = new LinkIssued(Guid.CreateVersion7(), command.Kind, hash, expiresAt, by, now, LinkPasswords.HashOf(command));
        await store.DecideAsync<Wedding, IWeddingEvent>(weddingId, state => Wedding.Decide(state, issued, weddingId), cancellationToken);
        return new NewLink(issued.LinkId, issued.Kind, token, publicUrl.Of($"{PageOf(issued.Kind)}/{token}"), expiresAt);
    }

    public Task RevokeLinkAsync(string weddingId, Guid linkId, string by, CancellationToken cancellationToken)
    {
        var revoked = new LinkRevoked(linkId, by, clock.GetUtcNow());
        return store.DecideAsync<Wedding, IWeddingEvent>(weddingId, state => Wedding.Decide(state, revoked, weddingId), cancellationToken);
    }

    public async Task<OpenedLink?> OpenAsync(string token, string? ticket, CancellationToken cancellationToken) =>
        await links.FindAsync(token, cancellationToken) is var (link, wedding)
            ? new OpenedLink(link.LinkId, link.Kind, wedding.View() with { Links = [] }, link.ExpiresAt, passwords.IsLocked(link, ticket))
            : null;

    public async Task<UnlockAttempt> UnlockAsync(string token, string password, CancellationToken cancellationToken)
    {
        if (await links.FindAsync(token, cancellationToken) is not var (link, _) || link.PasswordHash is null)
        {
            return new UnlockAttempt(null);
        }

        if (!await tries.TakeAsync(link.LinkId, cancellationToken))
        {
            return new UnlockAttempt(null, HasToWait: true);
        }

        var ticket = passwords.Unlock(link, password);
        if (ticket is not null)
        {
            await tries.ReturnAsync(link.LinkId, cancellationToken);
        }

        return new UnlockAttempt(ticket);
    }

    public Task RequestSignInAsync(string email, CancellationToken cancellationToken) => signIn.RequestAsync(email, cancellationToken);

    public Task<ClaimsPrincipal?> RedeemSignInAsync(string token, CancellationToken cancellationToken) => signIn.RedeemAsync(token, cancellationToken);

    public Task EndSessionsAsync(string weddingId, string by, CancellationToken cancellationToken)
    {
        var ended = new SessionsEnded(by, clock.GetUtcNow());
        return store.DecideAsync<Wedding, IWeddingEvent>(weddingId, state => Wedding.Decide(state, ended, weddingId), cancellationToken);
    }

    private static char PageOf(LinkKind kind) => kind switch
    {
        LinkKind.Guest => 'g',
        LinkKind.Share => 's',
        _ => 'w',
    };
}
