using System.Security.Claims;

namespace Weddings.Contracts;

/// <summary>Weddings, their links, and how couples sign in. What somebody may do is for the caller to check.</summary>
public interface IWeddings
{
    /// <summary>Of a logo: it goes into pages that guests load in a field.</summary>
    const int MostLogoBytes = 300_000;

    /// <returns><see langword="null"/> where there is none.</returns>
    Task<WeddingView?> FindAsync(string weddingId, CancellationToken cancellationToken);

    /// <summary>From the read model, which follows the log by a moment: up to 100, the newest first.</summary>
    /// <param name="search">Part of the name or the id.</param>
    /// <param name="before">The last id of the page before.</param>
    Task<IReadOnlyList<WeddingListed>> ListAsync(string? search, string? before, CancellationToken cancellationToken);

    /// <summary>Safe to repeat with the same content.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>INVALID_WEDDING</c>, or <c>WEDDING_EXISTS</c> with another content.</exception>
    Task<WeddingView> RegisterAsync(RegisterWedding command, CancellationToken cancellationToken);

    /// <summary>Sets how pages and mails look. Safe to repeat.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>WEDDING_NOT_FOUND</c>, <c>INVALID_WEDDING</c>.</exception>
    Task ChangeBrandingAsync(string weddingId, Branding branding, string by, CancellationToken cancellationToken);

    /// <summary>Keeps a logo, and sets it.</summary>
    /// <param name="bytes">A PNG or JPEG of at most <see cref="MostLogoBytes"/>.</param>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>WEDDING_NOT_FOUND</c>, <c>INVALID_LOGO</c>.</exception>
    Task ChangeLogoAsync(string weddingId, ReadOnlyMemory<byte> bytes, string by, CancellationToken cancellationToken);

    /// <summary>The mail by which the couple signs in, as HTML, with a link that leads nowhere.</summary>
    /// <param name="branding">How it would look.</param>
    /// <returns><see langword="null"/> where there is no such wedding.</returns>
    Task<string?> PreviewMailAsync(string weddingId, Branding branding, CancellationToken cancellationToken);

    /// <exception cref="Platform.Events.CommandRefusedException"><c>WEDDING_NOT_FOUND</c>, <c>INVALID_LINK</c>.</exception>
    Task<NewLink> IssueLinkAsync(string weddingId, IssueLink command, string by, CancellationToken cancellationToken);

    /// <summary>The link is dead with the next request, on all nodes. Safe to repeat.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>WEDDING_NOT_FOUND</c>, <c>LINK_NOT_FOUND</c>.</exception>
    Task RevokeLinkAsync(string weddingId, Guid linkId, string by, CancellationToken cancellationToken);

    /// <summary>
    /// Whose link a token of <c>/g/{token}</c>, <c>/w/{token}</c> or <c>/s/{token}</c> is; <see langword="null"/> where it is dead or never was one.
    /// </summary>
    /// <param name="ticket">From <see cref="UnlockAsync"/>.</param>
    Task<OpenedLink?> OpenAsync(string token, string? ticket, CancellationToken cancellationToken);

    /// <summary>
    /// Checks the password of a link that has one. After 30 wrong ones, whoever gave them, it checks none for the rest of ten minutes. How often one address
    /// may try is the caller's to limit.
    /// </summary>
    Task<UnlockAttempt> UnlockAsync(string token, string password, CancellationToken cancellationToken);

    /// <summary>Mails a sign-in link to a couple, if that is an address of one; says nothing of whether it is. At most one a minute.</summary>
    Task RequestSignInAsync(string email, CancellationToken cancellationToken);

    /// <summary>Uses a mailed link up. Only on POST: mail scanners follow links by GET.</summary>
    /// <returns>For <c>SignInAsync</c> with <see cref="Platform.Accounts.AccountSchemes.Couple"/>; <see langword="null"/> where it is used, too old or none.</returns>
    Task<ClaimsPrincipal?> RedeemSignInAsync(string token, CancellationToken cancellationToken);

    /// <summary>Ends every session of the couple and every mailed link not used yet.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>WEDDING_NOT_FOUND</c>.</exception>
    Task EndSessionsAsync(string weddingId, string by, CancellationToken cancellationToken);
}

/// <param name="WeddingId">1 to 64 letters, digits, '-' or '_'; made up where it is not given.</param>
/// <param name="TimeZone">IANA's name; UTC where it is not given.</param>
public sealed record RegisterWedding(
    string? WeddingId, string? Name, DateOnly? Date = null, string? TimeZone = null, IReadOnlyList<string>? Emails = null, Branding? Branding = null);

public enum LinkKind
{
    /// <summary>For everybody at the wedding: sends files, and sees nothing.</summary>
    Guest,

    /// <summary>For the couple: sees and downloads its albums.</summary>
    Couple,

    /// <summary>For whom the couple shows its photos: sees and downloads them, but not the hidden ones. Opens a page, and nothing of the API.</summary>
    Share,
}

/// <param name="ExpiresAt">Half a year from now for guests and a year for others, where it is not given.</param>
/// <param name="Password">Of a share link; only its hash is kept.</param>
public sealed record IssueLink(LinkKind Kind, DateTimeOffset? ExpiresAt = null, string? Password = null);

/// <param name="Token">Shown this once; only its hash is kept.</param>
/// <param name="Url">The page it opens.</param>
public sealed record NewLink(Guid LinkId, LinkKind Kind, string Token, string Url, DateTimeOffset ExpiresAt);

/// <param name="IsLocked">It has a password, and the ticket does not open it.</param>
public sealed record OpenedLink(Guid LinkId, LinkKind Kind, WeddingView Wedding, DateTimeOffset ExpiresAt, bool IsLocked);

/// <param name="Ticket">Opens the link for half a day, while it lives; <see langword="null"/> where the password is wrong or was not checked, or the link is dead.</param>
/// <param name="HasToWait">There were too many wrong ones lately: the right one would not have helped.</param>
public sealed record UnlockAttempt(string? Ticket, bool HasToWait = false);

public sealed record LinkView(Guid LinkId, LinkKind Kind, DateTimeOffset IssuedAt, string IssuedBy, DateTimeOffset ExpiresAt, DateTimeOffset? RevokedAt, bool HasPassword);

public sealed record WeddingView(
    string WeddingId,
    string Name,
    DateOnly? Date,
    string TimeZone,
    IReadOnlyList<string> Emails,
    Branding Branding,
    DateTimeOffset RegisteredAt,
    IReadOnlyList<LinkView> Links);

public sealed record WeddingListed(string WeddingId, string Name, DateOnly? Date, DateTimeOffset RegisteredAt);
