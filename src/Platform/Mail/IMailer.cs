using System.Net.Mail;

namespace Platform.Mail;

/// <summary>Sends mail. Called from jobs: a failure throws and the job's retry sends again.</summary>
public interface IMailer
{
    /// <summary>Hands the mail over. Sending a <see cref="Mail.Id"/> again may deliver it again, but recognisably.</summary>
    /// <exception cref="MailException">Not handed over.</exception>
    Task SendAsync(Mail mail, CancellationToken cancellationToken);
}

/// <summary>One mail to one reader.</summary>
public sealed record Mail
{
    /// <param name="id">
    /// Stable for the cause, e.g. <c>album-{id}-link</c>: becomes the Message-ID, by which mailboxes know a mail that was sent twice.
    /// </param>
    /// <param name="to">One address; a line break in any header is refused.</param>
    /// <exception cref="ArgumentException">The id, address or subject cannot stand in a header.</exception>
    public Mail(string id, string to, string subject, string text, string? html = null)
    {
        if (id.Length is 0 or > 200 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_'))
        {
            throw new ArgumentException("A mail's id has letters, digits, hyphens, dots and underscores, 200 at most.", nameof(id));
        }

        if (to.Any(char.IsControl) || to.Contains(',', StringComparison.Ordinal) || !MailAddress.TryCreate(to, out var address))
        {
            throw new ArgumentException("That is not one e-mail address.", nameof(to));
        }

        if (subject.Any(char.IsControl))
        {
            throw new ArgumentException("A subject is one line.", nameof(subject));
        }

        (Id, To, Subject, Text, Html) = (id, address, subject, text, html);
    }

    public string Id { get; }

    public MailAddress To { get; }

    public string Subject { get; }

    public string Text { get; }

    public string? Html { get; }

    /// <summary>Sent unasked: mail readers offer to write to the sender that no more is wanted (RFC 2369 §3.2).</summary>
    public bool MayBeUnsubscribed { get; init; }
}

/// <summary>A mail was not handed over. The message names no address.</summary>
public sealed class MailException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The server will not take it later either (RFC 5321 §4.2.1: 5yz), because of the mailbox or the mail.</summary>
    public bool IsPermanent { get; init; }
}
