using System.Globalization;
using Albums.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Platform.Events;
using Platform.Mail;
using Weddings.Contracts;
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

    [Fact]
    public async Task A_wedding_that_speaks_German_gets_its_mail_in_German_with_the_day_it_is_there()
    {
        var german = new WeddingRegistered("cid-dan", "Cid & Dan", Date: null, "Europe/Vienna", [], new Branding(Language: "de"), At);
        await workshop.Events.DecideAsync<AnyWedding, WeddingRegistered>("cid-dan", _ => [german], TestContext.Current.CancellationToken);
        await workshop.CatchUpAsync();
        var album = Guid.CreateVersion7();
        var expiresAt = new DateTimeOffset(2026, 12, 22, 23, 30, 0, TimeSpan.Zero);
        IAlbumEvent[] history =
        [
            new AlbumRequested("cid-dan", [], null, ["cid@example.com"], At),
            new AlbumCompleted("cid-dan", "albums/x/cid-dan.zip", 2_345_000_000, "etag", 1_234, 1, At, expiresAt),
            new ExpiryAnnounced(expiresAt, At),
        ];
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(album, _ => history, TestContext.Current.CancellationToken);

        var (mailer, culture) = (new KeepingMailer(), CultureInfo.CurrentCulture);
        await new SendAlbumLinkHandler(workshop.Events, workshop.MailBy(mailer), workshop.Texts, TimeProvider.System)
            .RunAsync(new SendAlbumLink(album), TestContext.Current.CancellationToken);
        await new SendExpiryReminderHandler(workshop.Events, workshop.MailBy(mailer), workshop.Texts, TimeProvider.System)
            .RunAsync(new SendExpiryReminder(album), TestContext.Current.CancellationToken);
        Assert.Equal(["Euer Hochzeitsalbum ist fertig", "Euer Hochzeitsalbum gibt es noch bis zum 23. Dezember 2026"], mailer.Sent.Select(mail => mail.Subject));
        Assert.Contains("1.234 Dateien, 2,3 GB, in einer ZIP-Datei.", mailer.Sent[0].Text, StringComparison.Ordinal);
        Assert.Contains("Eine Datei konnten wir nicht mit einpacken", mailer.Sent[0].Text, StringComparison.Ordinal);
        Assert.Contains("Ihr könnt es bis zum 23. Dezember 2026 herunterladen.", mailer.Sent[0].Text, StringComparison.Ordinal);
        Assert.EndsWith("-- \r\nHochzeitsfotos\r\n", mailer.Sent[0].Text, StringComparison.Ordinal);
        Assert.Contains("<html lang=\"de\">", mailer.Sent[0].Html, StringComparison.Ordinal);
        Assert.Equal(culture, CultureInfo.CurrentCulture);
    }

    private Task SendAsync(PickyMailer mailer) => Handler(mailer).RunAsync(new SendAlbumLink(id), TestContext.Current.CancellationToken);

    private SendAlbumLinkHandler Handler(PickyMailer mailer) =>
        new(workshop.Events, workshop.MailBy(mailer), workshop.Texts, TimeProvider.System);

    /// <summary>A wedding, as another module tells of it.</summary>
    private sealed record AnyWedding : IState<AnyWedding, WeddingRegistered>
    {
        public static string Category => "wedding";

        public static AnyWedding Initial { get; } = new();

        public static AnyWedding Evolve(AnyWedding state, WeddingRegistered e) => state;
    }

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
