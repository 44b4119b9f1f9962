using Albums.Contracts;
using Microsoft.Extensions.DependencyInjection;
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

    [Fact]
    public async Task A_mailbox_that_refuses_for_good_is_seen_and_tried_again_only_when_somebody_asks()
    {
        var mailer = new PickyMailer("typo@example.com", isPermanent: true);
        await SendAsync(mailer);
        await SendAsync(mailer);
        Assert.Equal(["ann@example.com", "bob@example.com"], mailer.Sent);
        var failed = Assert.Single((await workshop.HistoryAsync(id)).OfType<MailFailed>());
        Assert.Equal((1, AlbumMails.Link), (failed.Recipient, failed.Mail));

        var command = new ResendAlbumLink(id, "admin");
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(id, album => ResendAlbumLinkHandler.Decide(album, command, At), TestContext.Current.CancellationToken);
        var repaired = new PickyMailer(refused: "");
        await SendAsync(repaired);
        Assert.Equal(["ann@example.com", "typo@example.com", "bob@example.com"], repaired.Sent);
        Assert.Equal(6, mailer.Ids.Concat(repaired.Ids).Distinct().Count()); // a mailbox shows the second one, too
    }

    [Fact]
    public async Task A_mail_that_was_given_up_is_seen()
    {
        var mailer = new PickyMailer("bob@example.com");
        var refused = await Assert.ThrowsAsync<MailException>(() => SendAsync(mailer));
        await Handler(mailer).GaveUpAsync(new SendAlbumLink(id), refused, TestContext.Current.CancellationToken);
        var failed = Assert.Single((await workshop.HistoryAsync(id)).OfType<MailFailed>());
        Assert.Equal((2, "The mail server refused the mail."), (failed.Recipient, failed.Reason));
    }

    [Fact]
    public async Task Each_mail_has_a_link_of_its_own_that_opens_the_album()
    {
        var mailer = new PickyMailer(refused: "");
        await SendAsync(mailer);
        var tokens = mailer.Texts.Select(text => text.Split($"/v1/albums/{id}/download/")[1].Split('\r')[0]).ToArray();
        Assert.Equal(3, tokens.Distinct().Count());
        foreach (var token in tokens)
        {
            await AlbumLinks.DemandAsync(workshop.Events, id, token, TestContext.Current.CancellationToken);
        }
    }

    private Task SendAsync(PickyMailer mailer) => Handler(mailer).RunAsync(new SendAlbumLink(id), TestContext.Current.CancellationToken);

    private SendAlbumLinkHandler Handler(PickyMailer mailer) =>
        new(workshop.Events, workshop.MailBy(mailer), TimeProvider.System);

    /// <summary>A mail server that knows no mailbox of one name.</summary>
    private sealed class PickyMailer(string refused, bool isPermanent = false) : IMailer
    {
        internal List<string> Sent { get; } = [];

        internal List<string> Ids { get; } = [];

        internal List<string> Texts { get; } = [];

        public Task SendAsync(Mail mail, CancellationToken cancellationToken)
        {
            Ids.Add(mail.Id);
            Texts.Add(mail.Text);
            if (mail.To.Address == refused)
            {
                throw new MailException("The mail server refused the mail.") { IsPermanent = isPermanent };
            }

            Sent.Add(mail.To.Address);
            return Task.CompletedTask;
        }
    }
}
