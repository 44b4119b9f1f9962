using System.Net;
using System.Net.Mail;

namespace Platform.Mail;

/// <summary>Hands mail to an SMTP server. One connection per mail: links to albums are rare.</summary>
internal sealed class SmtpMailer(MailAddress from, SmtpOptions options) : IMailer
{
    public async Task SendAsync(Mail mail, CancellationToken cancellationToken)
    {
        using var message = MimeMessage.Create(mail, from);
        using var client = new SmtpClient(options.Host, options.Port)
        {
            EnableSsl = options.Tls,
            Credentials = options.User is null ? null : new NetworkCredential(options.User, options.Password),
        };
        try
        {
            await client.SendMailAsync(message, cancellationToken);
        }
        catch (SmtpException error)
        {
            // A server's refusal repeats the address, and exceptions are logged: only what is no answer of a server goes with it.
            var cause = error.StatusCode == SmtpStatusCode.GeneralFailure ? error : null;
            throw new MailException($"The mail server refused the mail or did not answer ({error.StatusCode}).", cause)
            {
                // 550 to 554. What 5yz there is besides says that the host is set up wrongly: later it may not be.
                IsPermanent = (int)error.StatusCode is >= 550 and <= 554,
            };
        }
    }
}
