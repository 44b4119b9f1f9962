using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform.Mail;
using Testing;
using Xunit;

namespace Platform.Tests.Mail;

public sealed class MailTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mail-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static Platform.Mail.Mail Link => new(
        "album-7-link", "Braut & Bräutigam <couple@wedding.example>", "Eure Bilder 📷 sind da",
        "Grüße!\r\n.\r\nhttps://example.com/a?b=c&d=" + new string('x', 200), "<p>Grüße!</p>");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_mail_becomes_a_file_that_mail_readers_understand()
    {
        await FolderMailer().SendAsync(Link, Cancellation);

        await AssertIsLinkAsync(Assert.Single(Directory.GetFileSystemEntries(folder)));
    }

    [Fact]
    public async Task The_same_mail_sent_again_is_the_same_file()
    {
        var mailer = FolderMailer();
        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => mailer.SendAsync(Link, Cancellation)));
        Assert.Equal(Path.Combine(folder, "album-7-link.eml"), Assert.Single(Directory.GetFileSystemEntries(folder)));
    }

    [Fact]
    public async Task A_mail_reaches_an_SMTP_server()
    {
        await using var server = await SmtpServer.StartAsync();
        await SmtpMailer(server.Port, tls: false).SendAsync(Link, Cancellation);
        await AssertIsLinkAsync(Assert.Single(server.Received()));
    }

    [Fact]
    public async Task Mail_is_not_sent_in_the_clear_where_TLS_is_asked_for()
    {
        await using var server = await SmtpServer.StartAsync();
        await Assert.ThrowsAsync<MailException>(() => SmtpMailer(server.Port, tls: true).SendAsync(Link, Cancellation));
        Assert.Empty(server.Received());
    }

    [Fact]
    public async Task Mail_is_not_sent_to_a_server_with_an_untrusted_certificate()
    {
        await using var server = await SmtpServer.StartAsync(new(Tls: true));
        await Assert.ThrowsAsync<MailException>(() => SmtpMailer(server.Port, tls: true).SendAsync(Link, Cancellation));
        Assert.Empty(server.Received());
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_a_failure_that_a_job_retries()
    {
        // A port that is bound refuses connections as long as nobody listens, and cannot be taken by anybody else.
        using var nobody = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        nobody.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)nobody.LocalEndPoint!).Port;
        await Assert.ThrowsAsync<MailException>(() => SmtpMailer(port, tls: false).SendAsync(Link, Cancellation));
    }

    [Fact]
    public async Task A_refusal_that_repeats_the_address_does_not_carry_it_into_the_log()
    {
        using var server = new RefusingSmtpServer();
        var refused = await Assert.ThrowsAsync<MailException>(() => SmtpMailer(server.Port, tls: false).SendAsync(Link, Cancellation));
        Assert.Contains("MailboxUnavailable", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("couple@wedding.example", refused.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("550 5.1.1", true)]
    [InlineData("552 5.2.2", true)]
    [InlineData("450 4.7.1 greylisted", false)]
    [InlineData("451 4.3.0", false)]
    [InlineData("530 5.7.0", false)]
    public async Task A_mailbox_refuses_for_good_or_for_now(string reply, bool forGood)
    {
        using var server = new RefusingSmtpServer(reply);
        var refused = await Assert.ThrowsAsync<MailException>(() => SmtpMailer(server.Port, tls: false).SendAsync(Link, Cancellation));
        Assert.Equal(forGood, refused.IsPermanent);
    }

    [Fact]
    public async Task A_mail_nobody_asked_for_can_be_unsubscribed()
    {
        await FolderMailer().SendAsync(Link with { MayBeUnsubscribed = true }, Cancellation);
        var mail = await ParsedMail.ReadAsync(Assert.Single(Directory.GetFileSystemEntries(folder)));
        Assert.Equal("<mailto:photos@studio.example?subject=unsubscribe%20album-7-link>", mail.Headers["list-unsubscribe"]);
    }

    [Fact]
    public void A_mail_says_the_same_as_text_and_as_HTML_in_the_weddings_colours_and_escapes_what_people_wrote()
    {
        var layout = new MailLayout(
            new MailBrand("<Studio>", "#ffe0b0", "https://studio.example/logo.png"), "Ready", ["Ann & Bob's album is ready."], [new("Download", "https://x.example/a?b=1&c=2")], ["Bye."]);
        var mail = layout.ToMail("id", "ann@example.com");
        Assert.Equal("Ann & Bob's album is ready.\r\n\r\nDownload:\r\nhttps://x.example/a?b=1&c=2\r\n\r\nBye.\r\n\r\n-- \r\n<Studio>\r\n", mail.Text);
        Assert.Contains("Ann &amp; Bob&#39;s album", mail.Html, StringComparison.Ordinal);
        Assert.Contains("href=\"https://x.example/a?b=1&amp;c=2\"", mail.Html, StringComparison.Ordinal);
        Assert.Contains("background:#ffe0b0;color:#000000", mail.Html, StringComparison.Ordinal);
        Assert.DoesNotContain("<Studio>", mail.Html, StringComparison.Ordinal);
        Assert.DoesNotContain("<style", mail.Html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("id\r\nBcc: x@example.com", "a@example.com", "subject")]
    [InlineData("../id", "a@example.com", "subject")]
    [InlineData("", "a@example.com", "subject")]
    [InlineData("id", "a@example.com\r\nBcc: x@example.com", "subject")]
    [InlineData("id", "a@example.com, b@example.com", "subject")]
    [InlineData("id", "nobody", "subject")]
    [InlineData("id", "a@example.com", "subject\r\nBcc: x@example.com")]
    [InlineData("id", "a@example.com", "subject\nBcc: x@example.com")]
    public void A_header_that_would_become_two_is_refused(string id, string to, string subject) =>
        Assert.Throws<ArgumentException>(() => new Platform.Mail.Mail(id, to, subject, "text"));

    [Theory]
    [InlineData("Mail__Provider", "Mail:Provider=Pigeon")]
    [InlineData("Mail__From", "Mail:From=nobody")]
    [InlineData("Mail__Folder", "Mail:Folder=/proc/mail")]
    [InlineData("Mail__Smtp__Host", "Mail:Provider=Smtp")]
    [InlineData("Mail__Smtp__Port", "Mail:Provider=Smtp", "Mail:Smtp:Host=h", "Mail:Smtp:Port=0")]
    [InlineData("Mail__Smtp__Tls", "Mail:Provider=Smtp", "Mail:Smtp:Host=h", "Mail:Smtp:Tls=maybe")]
    [InlineData("Mail__Smtp__User", "Mail:Provider=Smtp", "Mail:Smtp:Host=h", "Mail:Smtp:User=u")]
    public void A_wrong_setting_stops_the_start_and_is_named(string key, params string[] settings)
    {
        var refused = Assert.Throws<StartupException>(() => Build(settings));
        Assert.StartsWith(key, refused.Message, StringComparison.Ordinal);
    }

    private static async Task AssertIsLinkAsync(string file)
    {
        var mail = await ParsedMail.ReadAsync(file);
        Assert.Equal("Eure Bilder 📷 sind da", mail.Headers["subject"]);
        Assert.Equal("Braut & Bräutigam <couple@wedding.example>", mail.Headers["to"]);
        Assert.Equal("photos@studio.example", mail.Headers["from"]);
        Assert.Equal("<album-7-link@studio.example>", mail.Headers["message-id"]);
        Assert.Equal(Link.Text.ReplaceLineEndings("\n"), mail.Text.ReplaceLineEndings("\n").TrimEnd('\n'));
        Assert.Equal("<p>Grüße!</p>", mail.Html?.TrimEnd('\n'));
    }

    private IMailer FolderMailer() => Build($"Mail:Folder={folder}");

    private static IMailer SmtpMailer(int port, bool tls) =>
        Build("Mail:Provider=Smtp", "Mail:Smtp:Host=127.0.0.1", $"Mail:Smtp:Port={port}", $"Mail:Smtp:Tls={tls}");

    private static IMailer Build(params string[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Mail:From", "photos@studio.example")])
            .AddInMemoryCollection(settings.Select(Split))
            .Build();
        return new ServiceCollection().AddMail(configuration).BuildServiceProvider().GetRequiredService<IMailer>();
    }

    private static KeyValuePair<string, string?> Split(string setting) =>
        new(setting[..setting.IndexOf('=', StringComparison.Ordinal)], setting[(setting.IndexOf('=', StringComparison.Ordinal) + 1)..]);
}
