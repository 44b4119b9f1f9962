using System.Net.Http.Json;
using System.Security.Cryptography;
using Testing;
using Xunit;

namespace Host.Tests;

/// <summary>The host as it is set up for a mail provider: over STARTTLS with a certificate that it checks, and a password.</summary>
public sealed class MailDeliveryTests : IAsyncLifetime
{
    private const string User = "weddings";
    private const string Password = "a password of many characters";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("delivery-");
    private TestDatabase database = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        var sources = Directory.CreateDirectory(Path.Combine(folder.FullName, "storage", "sources")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(sources, "1.jpg"), RandomNumberGenerator.GetBytes(10_000), Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_greylisted_mail_is_sent_again_and_one_that_nobody_takes_is_seen_to_have_failed()
    {
        await using var server = await SmtpServer.StartAsync(new(Tls: true, User, Password, Greylists: true));
        await using var host = await RunningHost.StartAsync(Settings(server));
        var album = await RequestAsync(host, "ann@example.com", "gone@example.com");
        var log = await LogAsync(host, album, log => log.Contains("mail_failed", StringComparison.Ordinal) && log.Contains("link_sent", StringComparison.Ordinal));
        Assert.Contains("MailboxUnavailable", log, StringComparison.Ordinal);
        Assert.DoesNotContain("gone@example.com", log, StringComparison.Ordinal);
        var mail = await File.ReadAllTextAsync(Assert.Single(server.Received()), Cancellation);
        Assert.Contains("X-RcptTo: ann@example.com", mail, StringComparison.OrdinalIgnoreCase);
    }

    private Dictionary<string, string> Settings(SmtpServer server) => new()
    {
        ["ConnectionStrings__Postgres"] = database.ConnectionString,
        ["Storage__Folder"] = Path.Combine(folder.FullName, "storage"),
        ["Mail__Provider"] = "Smtp",
        ["Mail__From"] = "photos@studio.example",
        ["Mail__Smtp__Host"] = "127.0.0.1",
        ["Mail__Smtp__Port"] = server.Port.ToString(provider: null),
        ["Mail__Smtp__User"] = User,
        ["Mail__Smtp__Password"] = Password,
        ["SSL_CERT_FILE"] = server.CertificateFile,
    };

    private static async Task<string> RequestAsync(RunningHost host, params string[] emails)
    {
        using var requested = await host.Client.PostAsJsonAsync(
            "/v1/albums", new { weddingId = "ann-bob", prefix = "sources/", notify = new { emails } }, Cancellation);
        var album = requested.EnsureSuccessStatusCode().Headers.Location!.OriginalString;
        await host.Client.GetStringAsync($"{album}/progress", Cancellation); // ends with the album
        return album;
    }

    private static async Task<string> LogAsync(RunningHost host, string album, Func<string, bool> isEnough)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        while (true)
        {
            var log = await host.Client.GetStringAsync($"{album}/log", patience.Token);
            if (isEnough(log))
            {
                return log;
            }

            await Task.Delay(100, patience.Token);
        }
    }
}
