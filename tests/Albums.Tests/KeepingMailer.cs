using Platform.Mail;

namespace Albums.Tests;

/// <summary>Keeps what it is given, for tests to read.</summary>
/// <param name="refused">An address that is refused for good.</param>
internal sealed class KeepingMailer(string? refused = null) : IMailer
{
    internal List<Mail> Sent { get; } = [];

    public Task SendAsync(Mail mail, CancellationToken cancellationToken)
    {
        if (mail.To.Address == refused)
        {
            throw new MailException("There is no such mailbox.") { IsPermanent = true };
        }

        Sent.Add(mail);
        return Task.CompletedTask;
    }
}
