using System.Net.Mail;
using System.Net.Mime;
using System.Text;

namespace Platform.Mail;

/// <summary>
/// A <see cref="Mail"/> as .NET's message: text, with HTML as the alternative that readers prefer. Base64, because .NET's
/// quoted-printable encodes the line breaks too, against RFC 2045 §6.7.
/// </summary>
internal static class MimeMessage
{
    internal static MailMessage Create(Mail mail, MailAddress from)
    {
        var message = new MailMessage(from, mail.To)
        {
            Subject = mail.Subject,
            SubjectEncoding = Encoding.UTF8,
            Body = mail.Text,
            BodyEncoding = Encoding.UTF8,
            BodyTransferEncoding = TransferEncoding.Base64,
        };
        message.Headers.Add("Message-ID", $"<{mail.Id}@{from.Host}>");

        // RFC 3834: no out-of-office answers, please.
        message.Headers.Add("Auto-Submitted", "auto-generated");
        if (mail.MayBeUnsubscribed)
        {
            message.Headers.Add("List-Unsubscribe", $"<mailto:{from.Address}?subject=unsubscribe%20{mail.Id}>");
        }

        if (mail.Html is not null)
        {
            var html = AlternateView.CreateAlternateViewFromString(mail.Html, Encoding.UTF8, MediaTypeNames.Text.Html);
            html.TransferEncoding = TransferEncoding.Base64;
            message.AlternateViews.Add(html);
        }

        return message;
    }
}
