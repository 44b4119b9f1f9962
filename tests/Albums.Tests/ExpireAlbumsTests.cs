using Albums.Contracts;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform;
using Platform.Mail;
using Testing;
using Xunit;

namespace Albums.Tests;

public sealed class ExpireAlbumsTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 6, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly ExpiryOptions Month = new(TimeSpan.FromDays(30), TimeSpan.FromDays(7), TimeSpan.FromHours(1));
    private static readonly AlbumRequested Requested = new("ann-bob", [], null, ["ann@example.com", "bob@example.com"], Now);
    private static readonly AlbumCompleted Completed = new("ann-bob", "albums/x/ann-bob.zip", 100, "etag", 3, 0, Now, Now.AddDays(30));

    private AlbumWorkshop workshop = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => workshop = await AlbumWorkshop.CreateAsync();

    public ValueTask DisposeAsync() => workshop.DisposeAsync();

    [Fact]
    public void An_album_is_announced_to_expire_a_week_before_and_then_expires()
    {
        var announced = new ExpiryAnnounced(Now.AddDays(30), Now.AddDays(23));
        Given(Requested, Completed).When(Sweep(Now.AddDays(23).AddTicks(-1))).ThenNothing();
        Given(Requested, Completed).When(Sweep(Now.AddDays(23))).Then(announced);
        Given(Requested, Completed, announced).When(Sweep(Now.AddDays(30).AddTicks(-1))).ThenNothing();
        Given(Requested, Completed, announced).When(Sweep(Now.AddDays(30))).Then(new AlbumExpired(Now.AddDays(30)));
    }

    [Fact]
    public void An_album_that_no_worker_looked_at_in_time_is_kept_until_it_was_announced_for_a_week() =>
        Given(Requested, Completed).When(Sweep(Now.AddDays(90))).Then(new ExpiryAnnounced(Now.AddDays(97), Now.AddDays(90)));

    [Fact]
    public void An_album_from_before_there_was_an_expiry_is_announced_likewise()
    {
        var old = Completed with { ExpiresAt = null };
        Given(Requested, old).When(Sweep(Now.AddDays(23).AddTicks(-1))).ThenNothing();
        Given(Requested, old).When(Sweep(Now.AddDays(90))).Then(new ExpiryAnnounced(Now.AddDays(97), Now.AddDays(90)));
    }

    [Fact]
    public void Without_a_reminder_an_album_just_expires() =>
        Given(Requested, Completed).When(Sweep(Now.AddDays(30), Month with { Remind = TimeSpan.Zero })).Then(new AlbumExpired(Now.AddDays(30)));

    [Fact]
    public void Nothing_expires_where_albums_are_kept_for_ever() =>
        Given(Requested, Completed, new ExpiryAnnounced(Now, Now)).When(Sweep(Now.AddDays(900), Month with { Keep = null })).ThenNothing();

    [Fact]
    public void Only_complete_albums_expire()
    {
        foreach (var end in new IAlbumEvent[] { Requested, new AlbumFailed("NO_FILES", "", Now), new AlbumCancelled("ann", Now), new AlbumDeleted("ann", Now), new AlbumExpired(Now) })
        {
            Given(Requested, end).When(Sweep(Now.AddDays(900))).ThenNothing();
        }
    }

    [Fact]
    public async Task An_album_is_kept_for_its_time_and_then_leaves_the_store()
    {
        await workshop.PutAsync("a.jpg", new byte[1000]);
        var id = await workshop.RequestAsync("a.jpg");
        await workshop.AttemptAsync(id);
        Assert.Equal(30, ((await workshop.AlbumAsync(id)).ExpiresAt!.Value - workshop.Clock.GetUtcNow()).TotalDays, tolerance: 0.1);

        foreach (var (day, status, announced) in new[] { (22, AlbumStatus.Completed, false), (24, AlbumStatus.Completed, true), (30, AlbumStatus.Completed, true), (32, AlbumStatus.Expired, true) })
        {
            workshop.Clock.Shift = TimeSpan.FromDays(day);
            await workshop.SweepAsync();
            await workshop.SweepAsync();
            var album = await workshop.AlbumAsync(id);
            Assert.Equal((status, announced), (album.Status, album.ExpiryAnnounced is not null));
            Assert.Equal($"{status}", await workshop.ListedStatusAsync(id));
        }

        Assert.Single((await workshop.HistoryAsync(id)).OfType<AlbumExpired>());
        await new DiscardAlbumHandler(workshop.Events, workshop.Objects).RunAsync(new DiscardAlbum(id), Cancellation);
        Assert.Empty((await workshop.Objects.ListAsync($"albums/{id}/", null, Cancellation)).Objects);

        var again = await workshop.RequestAsync("a.jpg");
        await workshop.AttemptAsync(again);
        Assert.Equal(AlbumStatus.Completed, (await workshop.AlbumAsync(again)).Status);
    }

    [Fact]
    public async Task A_reminder_goes_to_each_recipient_once_and_names_the_day()
    {
        var id = Guid.CreateVersion7();
        IAlbumEvent[] history = [Requested, Completed, new ExpiryAnnounced(new DateTimeOffset(2026, 7, 20, 12, 0, 0, TimeSpan.Zero), Now)];
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(id, _ => history, Cancellation);
        var mailer = new MailLog { FailsAt = 2 };
        await Assert.ThrowsAsync<MailException>(() => RemindAsync(id, mailer));
        await RemindAsync(id, mailer);
        await RemindAsync(id, mailer);

        Assert.Equal(["ann@example.com", "bob@example.com"], mailer.Sent.Select(mail => mail.To.Address));
        Assert.Equal(2, mailer.Sent.Select(mail => mail.Id).Distinct().Count());
        Assert.All(mailer.Sent, mail => Assert.Contains("until 20 July 2026", mail.Text, StringComparison.Ordinal));
        Assert.Equal([0, 1], (await workshop.HistoryAsync(id)).OfType<ReminderSent>().Select(reminder => reminder.Recipient));
    }

    [Fact]
    public async Task Nobody_is_reminded_of_an_album_that_is_gone_already()
    {
        var id = Guid.CreateVersion7();
        IAlbumEvent[] history = [Requested, Completed, new ExpiryAnnounced(Now, Now), new AlbumDeleted("ann", Now)];
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(id, _ => history, Cancellation);
        var mailer = new MailLog();
        await RemindAsync(id, mailer);
        Assert.Empty(mailer.Sent);
    }

    [Theory]
    [InlineData("Albums:KeepDays", "-1")]
    [InlineData("Albums:KeepDays", "1.5")]
    [InlineData("Albums:KeepDays", "4000")]
    [InlineData("Albums:RemindDays", "31")]
    [InlineData("Albums:SweepInterval", "0")]
    public void A_wrong_setting_is_named(string key, string value)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new(key, value)]).Build();
        var refused = Assert.Throws<StartupException>(() => ExpiryOptions.Read(configuration));
        Assert.StartsWith(key.Replace(":", "__", StringComparison.Ordinal), refused.Message, StringComparison.Ordinal);
    }

    private static Decision<Album, IAlbumEvent> Given(params IAlbumEvent[] history) => new(AlbumsModule.MapEvents, history);

    private static Func<Album, IReadOnlyList<IAlbumEvent>> Sweep(DateTimeOffset now, ExpiryOptions? options = null) =>
        album => ExpireAlbums.Decide(album, options ?? Month, now);

    private Task RemindAsync(Guid id, MailLog mailer) => new SendExpiryReminderHandler(
        workshop.Events, workshop.MailBy(mailer), workshop.Texts, TimeProvider.System)
        .RunAsync(new SendExpiryReminder(id), Cancellation);

    private sealed class MailLog : IMailer
    {
        private int count;

        internal List<Mail> Sent { get; } = [];

        internal int FailsAt { get; init; }

        public Task SendAsync(Mail mail, CancellationToken cancellationToken)
        {
            if (++count == FailsAt)
            {
                throw new MailException("The mail server refused the mail.");
            }

            Sent.Add(mail);
            return Task.CompletedTask;
        }
    }
}
