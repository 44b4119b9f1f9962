using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Platform.Http;

namespace Platform.Accounts;

/// <summary>
/// As long as nobody has an account, each start makes a one-time link for the first admin: into the file that <c>Auth__FirstLinkFile</c>
/// names, readable by its owner only, or else onto the terminal. Never into the log, which others read.
/// </summary>
internal sealed class FirstAdmin(Invitations invitations, PublicUrl publicUrl, IConfiguration configuration) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (await invitations.CreateFirstAsync(cancellationToken) is not { } token)
        {
            return;
        }

        var link = publicUrl.Of(AccountPaths.InvitationOf(token).TrimStart('/'));
        if (configuration["Auth:FirstLinkFile"] is { Length: > 0 } path)
        {
            await WriteAsync(path, link, cancellationToken);
        }
        else
        {
            await Console.Out.WriteLineAsync($"Nobody has an account yet. The first admin's link, good for 24 hours and once: {link}");
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static async Task WriteAsync(string path, string link, CancellationToken cancellationToken)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            await using var file = new StreamWriter(path, options);
            await file.WriteLineAsync(link.AsMemory(), cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"Auth__FirstLinkFile is {path}, which cannot be written.", e) { ExitCode = 3 };
        }
    }
}
