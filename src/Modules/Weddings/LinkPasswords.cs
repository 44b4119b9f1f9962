using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using Platform.Events;
using Weddings.Contracts;

namespace Weddings;

/// <summary>
/// Passwords of share links. People choose them, so they are hashed slowly (PBKDF2). Who knows one gets a ticket, signed with the keys that all nodes
/// share: it names the link, and says nothing once the link is revoked.
/// </summary>
internal sealed class LinkPasswords(IDataProtectionProvider protection)
{
    private const int LeastChars = 6;
    private const int MostChars = 128;

    private static readonly TimeSpan TicketLifetime = TimeSpan.FromHours(12);

    // What it hashes for makes no difference to it.
    private static readonly PasswordHasher<string> Hasher = new();

    private readonly ITimeLimitedDataProtector tickets = protection.CreateProtector("weddings.share").ToTimeLimitedDataProtector();

    /// <exception cref="CommandRefusedException"><c>INVALID_LINK</c>.</exception>
    internal static string? HashOf(IssueLink command)
    {
        if (string.IsNullOrEmpty(command.Password))
        {
            return null;
        }

        return command.Kind is LinkKind.Share && command.Password.Length is >= LeastChars and <= MostChars
            ? Hasher.HashPassword("", command.Password)
            : throw new CommandRefusedException("INVALID_LINK", $"Share links may have a password, of {LeastChars} to {MostChars} characters.");
    }

    internal string? Unlock(LinkIssued link, string password) =>
        link.PasswordHash is { } hash && Hasher.VerifyHashedPassword("", hash, password) is not PasswordVerificationResult.Failed
            ? tickets.Protect(link.LinkId.ToString(), TicketLifetime)
            : null;

    internal bool IsLocked(LinkIssued link, string? ticket)
    {
        if (link.PasswordHash is null)
        {
            return false;
        }

        try
        {
            return ticket is null || tickets.Unprotect(ticket) != link.LinkId.ToString();
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            return true; // too old, or never ours
        }
    }
}
