using System.Collections.Immutable;
using Platform.Events;
using Weddings.Contracts;

namespace Weddings;

// Stream wedding-{id}. These shapes are the storage format: add members, never rename or remove one.

/// <summary>What all events of a wedding have in common. An interface, because the public contract events are among them.</summary>
internal interface IWeddingEvent;

/// <param name="TokenHash">SHA-256 of the token, which is kept nowhere.</param>
/// <param name="PasswordHash">As Identity keeps passwords; <see langword="null"/> where the link asks for none.</param>
internal sealed record LinkIssued(
    Guid LinkId, LinkKind Kind, string TokenHash, DateTimeOffset ExpiresAt, string By, DateTimeOffset At, string? PasswordHash = null) : IWeddingEvent;

internal sealed record LinkRevoked(Guid LinkId, string By, DateTimeOffset At) : IWeddingEvent;

/// <summary>Somebody who knows an address of the couple wants to sign in: a link goes there.</summary>
/// <param name="Recipient">Counts the addresses of the wedding.</param>
internal sealed record SignInRequested(int Recipient, DateTimeOffset At) : IWeddingEvent;

/// <summary>The mail server has the link for one request.</summary>
internal sealed record SignInLinkSent(int Recipient, long RequestVersion, DateTimeOffset At) : IWeddingEvent;

/// <summary>The mail with the link was given up.</summary>
internal sealed record SignInMailFailed(int Recipient, string Reason, DateTimeOffset At) : IWeddingEvent;

/// <summary>Whoever signed in before has to do so again.</summary>
internal sealed record SessionsEnded(string By, DateTimeOffset At) : IWeddingEvent;

internal sealed record Link(LinkIssued Issued, DateTimeOffset? RevokedAt);

internal sealed record Wedding : IState<Wedding, IWeddingEvent>
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMinutes(1);

    public static string Category => "wedding";

    public static Wedding Initial { get; } = new();

    public WeddingRegistered? Registered { get; private init; }

    public Branding Branding { get; private init; } = new();

    public ImmutableList<Link> Links { get; private init; } = [];

    /// <summary>When a link was last asked for, by recipient.</summary>
    public ImmutableDictionary<int, DateTimeOffset> SignInsRequested { get; private init; } = ImmutableDictionary<int, DateTimeOffset>.Empty;

    /// <summary>Versions of requests whose mail is out.</summary>
    public ImmutableHashSet<long> SignInsSent { get; private init; } = [];

    public DateTimeOffset SessionsEndedAt { get; private init; }

    public static Wedding Evolve(Wedding state, IWeddingEvent e) => e switch
    {
        WeddingRegistered registered => state with { Registered = registered, Branding = registered.Branding ?? new Branding() },
        BrandingChanged changed => state with { Branding = changed.Branding },
        LinkIssued link => state with { Links = state.Links.Add(new Link(link, null)) },
        LinkRevoked revoked => state with
        {
            Links = [.. state.Links.Select(link => link.Issued.LinkId == revoked.LinkId ? link with { RevokedAt = revoked.At } : link)],
        },
        SignInRequested request => state with { SignInsRequested = state.SignInsRequested.SetItem(request.Recipient, request.At) },
        SignInLinkSent sent => state with { SignInsSent = state.SignInsSent.Add(sent.RequestVersion) },
        SessionsEnded ended => state with { SessionsEndedAt = ended.At },
        _ => state,
    };

    /// <exception cref="CommandRefusedException"><c>WEDDING_EXISTS</c>, with another content.</exception>
    public static IReadOnlyList<IWeddingEvent> Decide(Wedding state, WeddingRegistered wanted) => state.Registered switch
    {
        null => [wanted],
        var present when IsSame(present, wanted) => [],
        _ => throw new CommandRefusedException("WEDDING_EXISTS", $"There is a wedding {wanted.WeddingId} already, and it is another."),
    };

    public static IReadOnlyList<IWeddingEvent> Decide(Wedding state, BrandingChanged wanted) =>
        state.OrNotFound(wanted.WeddingId).Branding == wanted.Branding ? [] : [wanted];

    public static IReadOnlyList<IWeddingEvent> Decide(Wedding state, LinkIssued wanted, string weddingId)
    {
        state.OrNotFound(weddingId);
        return state.Links.Exists(link => link.Issued.LinkId == wanted.LinkId) ? [] : [wanted];
    }

    /// <exception cref="CommandRefusedException"><c>LINK_NOT_FOUND</c>.</exception>
    public static IReadOnlyList<IWeddingEvent> Decide(Wedding state, LinkRevoked wanted, string weddingId) =>
        (state.OrNotFound(weddingId).Links.Find(link => link.Issued.LinkId == wanted.LinkId)
            ?? throw new CommandRefusedException("LINK_NOT_FOUND", $"The wedding has no link {wanted.LinkId}.")).RevokedAt is null ? [wanted] : [];

    /// <summary>Nothing while the last one is younger than a minute: nobody's mailbox is filled from here.</summary>
    public static IReadOnlyList<IWeddingEvent> Decide(Wedding state, SignInRequested wanted) =>
        state.SignInsRequested.TryGetValue(wanted.Recipient, out var last) && wanted.At < last + ShortestPause ? [] : [wanted];

    public static IReadOnlyList<IWeddingEvent> Decide(Wedding state, SessionsEnded wanted, string weddingId) =>
        state.OrNotFound(weddingId).SessionsEndedAt >= wanted.At ? [] : [wanted];

    /// <summary>The link of a token's hash, while it works.</summary>
    public LinkIssued? Find(string tokenHash, DateTimeOffset now) =>
        Links.Find(link => link.Issued.TokenHash == tokenHash && link.RevokedAt is null && link.Issued.ExpiresAt > now)?.Issued;

    /// <exception cref="CommandRefusedException"><c>WEDDING_NOT_FOUND</c>.</exception>
    public Wedding OrNotFound(string weddingId) =>
        Registered is null ? throw new CommandRefusedException("WEDDING_NOT_FOUND", $"There is no wedding {weddingId}.") : this;

    public WeddingView View() => new(
        Registered!.WeddingId,
        Registered.Name,
        Registered.Date,
        Registered.TimeZone,
        Registered.Emails,
        Branding,
        Registered.At,
        [.. Links.Select(link => new LinkView(
            link.Issued.LinkId, link.Issued.Kind, link.Issued.At, link.Issued.By, link.Issued.ExpiresAt, link.RevokedAt, link.Issued.PasswordHash is not null))]);

    // Lists of records compare by reference.
    private static bool IsSame(WeddingRegistered present, WeddingRegistered wanted) =>
        present.Emails.SequenceEqual(wanted.Emails) && present with { Emails = [], At = default } == wanted with { Emails = [], At = default };
}
