using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Platform.Images;
using Testing;
using Xunit;

namespace Portal.Tests;

/// <summary>One host on a real port for all tests of a class, with a database and folders of its own.</summary>
public class PortalHost : WebApplicationFactory<Program>, IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("portal-").FullName;
    private TestDatabase database = null!;

    internal const string Email = "ann@example.com";
    internal const string Password = "correct horse battery";

    internal Uri Address => ClientOptions.BaseAddress;

    /// <summary>The cookies of the admin once they signed in: for visits that are about other things.</summary>
    internal string? Session { get; set; }

    internal string FirstLink => File.ReadAllText(Path.Combine(folder, "first-link")).Trim();

    internal string Database => database.ConnectionString;

    /// <summary>Gone with the host.</summary>
    protected string Folder => folder;

    /// <summary>This process is none that could be started as one.</summary>
    protected virtual IReadOnlyList<string> ImageWorker { get; } = ["dotnet", typeof(Program).Assembly.Location, "image-worker"];

    private string MailFolder => Path.Combine(folder, "mail");

    /// <summary>The text of a mail, once it is sent.</summary>
    /// <param name="name">Of its file; <c>*</c> stands for anything.</param>
    internal async Task<string> MailAsync(string name)
    {
        for (var attempt = 0; attempt < 600; attempt++)
        {
            if (Directory.Exists(MailFolder) && Directory.GetFiles(MailFolder, name) is [var file, ..])
            {
                return MailText.Of(await File.ReadAllTextAsync(file));
            }

            await Task.Delay(100);
        }

        throw new TimeoutException($"{name} was not sent within a minute.");
    }

    public virtual async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        UseKestrel(0);
        StartServer();
    }

    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await base.DisposeAsync();
        await database.DisposeAsync();
        await TemporaryFolder.DeleteAsync(folder);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder) => builder
        .UseSetting("ConnectionStrings:Postgres", database.ConnectionString)
        .UseSetting("Storage:Folder", Path.Combine(folder, "storage"))
        .UseSetting("Auth:FirstLinkFile", Path.Combine(folder, "first-link"))
        .UseSetting("Mail:Folder", MailFolder)
        .ConfigureTestServices(services => services.AddSingleton(_ => new ImageWorkers(2, ImageWorker)));
}
