using Albums.Contracts;
using Platform.Mail;
using Xunit;

namespace Albums.Tests;

public sealed class SendAlbumLinkTests : IAsyncLifetime
{
    private static readonly DateTimeOffset At = DateTimeOffset.UnixEpoch;

    private readonly Guid id = Guid.CreateVersion7();
    private AlbumWorkshop workshop = null!;

    public async ValueTask InitializeAsync()
    {
        workshop = await AlbumWorkshop.CreateAsync();
        IAlbumEvent[] history =
        [
            new AlbumRequested("ann-bob", [], null, ["ann@example.com", "typo@example.com", "bob@example.com"], At),
            new AlbumCompleted("ann-bob", "albums/x/ann-bob.zip", 100, "etag", 3, 0, At),
        ];
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(id, _ => history, default);
    }

    public ValueTask DisposeAsync() => workshop.DisposeAsync();

    [Fact]
    public async Task An_address_that_is_refused_keeps_nobody_from_the_link_and_nobody_gets_it_twice()
    {
        var mailer = new PickyMailer("typo@example.com");
        await Assert.ThrowsAsync<MailException>(() => SendAsync(mailer));
        await Assert.ThrowsAsync<MailException>(() => SendAsync(mailer));
        Assert.Equal(["ann@example.com", "bob@example.com"], mailer.Sent);

        var repaired = new PickyMailer(refused: "");
        await SendAsync(repaired);
        await SendAsync(repaired);
        Assert.Equal(["typo@example.com"], repaired.Sent);
        Assert.Equal([0, 2, 1], (await workshop.HistoryAsync(id)).OfType<LinkSent>().Select(link => link.Recipient));
    }

    private Task SendAsync(PickyMailer mailer) =>
        new SendAlbumLinkHandler(
            workshop.Events, new AlbumMail(workshop.Events, mailer, new AlbumOptions(new Uri("http://localhost/"))), TimeProvider.System)
            .RunAsync(new SendAlbumLink(id), TestContext.Current.CancellationToken);

    /// <summary>A mail server that knows no mailbox of one name.</summary>
    private sealed class PickyMailer(string refused) : IMailer
    {
        internal List<string> Sent { get; } = [];

        public Task SendAsync(Mail mail, CancellationToken cancellationToken)
        {
            if (mail.To.Address == refused)
            {
                throw new MailException("The mail server refused the mail.");
            }

            Sent.Add(mail.To.Address);
            return Task.CompletedTask;
        }
    }
}
