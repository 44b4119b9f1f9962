using Platform.Mail;

namespace Albums.Tests;

/// <summary>Keeps what it is given, for tests to read.</summary>
internal sealed class KeepingMailer : IMailer
{
    internal List<Mail> Sent { get; } = [];

    public Task SendAsync(Mail mail, CancellationToken cancellationToken)
    {
        Sent.Add(mail);
        return Task.CompletedTask;
    }
}
