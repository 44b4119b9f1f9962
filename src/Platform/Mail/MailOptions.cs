using System.Net.Mail;
using Microsoft.Extensions.Configuration;

namespace Platform.Mail;

/// <summary>The settings under <c>Mail</c>.</summary>
/// <param name="From">Sender of all mail; its domain ends every Message-ID.</param>
internal sealed record MailOptions(MailAddress From, string? Folder, SmtpOptions? Smtp)
{
    internal static MailOptions Read(IConfiguration configuration)
    {
        var from = configuration["Mail:From"] ?? "weddings@localhost";
        if (!MailAddress.TryCreate(from, out var sender))
        {
            throw new StartupException($"Mail__From is {from}, which is not an e-mail address.");
        }

        return (configuration["Mail:Provider"] ?? "Folder") switch
        {
            var folder when folder.Equals("Folder", StringComparison.OrdinalIgnoreCase) =>
                new(sender, Path.GetFullPath(configuration["Mail:Folder"] ?? ".data/mail"), null),
            var smtp when smtp.Equals("Smtp", StringComparison.OrdinalIgnoreCase) =>
                new(sender, null, SmtpOptions.Read(configuration.GetSection("Mail:Smtp"))),
            var unknown => throw new StartupException($"Mail__Provider is {unknown}, but must be Folder or Smtp."),
        };
    }
}

/// <param name="Tls">STARTTLS with a valid certificate. Off, all travels in the clear: only for a server on this machine.</param>
internal sealed record SmtpOptions(string Host, int Port, string? User, string? Password, bool Tls)
{
    internal static SmtpOptions Read(IConfiguration smtp)
    {
        var host = smtp["Host"];
        if (string.IsNullOrWhiteSpace(host))
        {
            throw new StartupException("Mail__Smtp__Host is missing, but Mail__Provider is Smtp.");
        }

        var portText = smtp["Port"] ?? "587";
        if (!ushort.TryParse(portText, out var port) || port == 0)
        {
            throw new StartupException($"Mail__Smtp__Port is {portText}, but must be between 1 and 65535.");
        }

        var tlsText = smtp["Tls"] ?? "true";
        if (!bool.TryParse(tlsText, out var tls))
        {
            throw new StartupException($"Mail__Smtp__Tls is {tlsText}, but must be true or false.");
        }

        var (user, password) = (smtp["User"], smtp["Password"]);
        if (string.IsNullOrEmpty(user) != string.IsNullOrEmpty(password))
        {
            throw new StartupException("Mail__Smtp__User and Mail__Smtp__Password belong together, but one is missing.");
        }

        return new(host, port, user, password, tls);
    }
}
