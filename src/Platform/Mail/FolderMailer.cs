using System.Net.Mail;

namespace Platform.Mail;

/// <summary>
/// Writes each mail as <c>{id}.eml</c> into a folder, for machines without a mail server. Whole or not at all: written to a folder
/// beside it, then renamed. The same mail sent again replaces the file.
/// </summary>
internal sealed class FolderMailer(MailAddress from, string folder) : IMailer
{
    public async Task SendAsync(Mail mail, CancellationToken cancellationToken)
    {
        // SmtpClient names the file itself; a folder of its own makes it the only one.
        var pickup = Path.Combine(folder, $".{Guid.CreateVersion7():n}");
        try
        {
            Directory.CreateDirectory(pickup);
            using var message = MimeMessage.Create(mail, from);
            using var client = new SmtpClient();
            client.DeliveryMethod = SmtpDeliveryMethod.SpecifiedPickupDirectory;
            client.PickupDirectoryLocation = pickup;
            await client.SendMailAsync(message, cancellationToken);
            File.Move(Directory.GetFiles(pickup).Single(), Path.Combine(folder, $"{mail.Id}.eml"), overwrite: true);
        }
        catch (Exception error) when (error is SmtpException or IOException or UnauthorizedAccessException)
        {
            throw new MailException("The mail could not be written to its folder.", error);
        }
        finally
        {
            if (Directory.Exists(pickup))
            {
                Directory.Delete(pickup, recursive: true);
            }
        }
    }
}
