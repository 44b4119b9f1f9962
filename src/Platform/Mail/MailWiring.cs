using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform.Settings;

namespace Platform.Mail;

public static class MailWiring
{
    /// <summary>Adds <see cref="IMailer"/> as <c>Mail__Provider</c> says: <c>Folder</c> (default) or <c>Smtp</c>; the texts of mails, and the settings of those to admins.</summary>
    /// <exception cref="StartupException">A setting is missing or wrong, or the folder cannot be written.</exception>
    public static IServiceCollection AddMail(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddLocalization();
        services.AddSettings(() => new MailSettings());
        var options = MailOptions.Read(configuration);
        if (options.Smtp is { } smtp)
        {
            return services.AddSingleton<IMailer>(new SmtpMailer(options.From, smtp));
        }

        return services.AddSingleton<IMailer>(new FolderMailer(options.From, Writable(options.Folder!)));
    }

    private static string Writable(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var probe = Path.Combine(folder, $".{Guid.CreateVersion7():n}");
            File.Create(probe, bufferSize: 0, FileOptions.DeleteOnClose).Dispose();
            return folder;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"Mail__Folder is {folder}, which cannot be written.", error) { ExitCode = 3 };
        }
    }
}
