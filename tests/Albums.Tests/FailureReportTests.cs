using Albums.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Localization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Platform.Accounts;
using Platform.Events;
using Platform.Languages;
using Platform.Mail;
using Platform.Settings;
using Testing;
using Xunit;

namespace Albums.Tests;

/// <summary>However many albums fail, admins get one mail, and no more than one in a quarter of an hour.</summary>
public sealed class FailureReportTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private AlbumWorkshop workshop = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private NpgsqlDataSource Database => workshop.Services.GetRequiredService<NpgsqlDataSource>();

    public async ValueTask InitializeAsync() => workshop = await AlbumWorkshop.CreateAsync();

    public ValueTask DisposeAsync() => workshop.DisposeAsync();

    [Fact]
    public void Failures_are_told_once_and_together_while_they_go_on()
    {
        var first = new FailuresReported(2, [Guid.Empty], 2, Now);
        Given().When(Next(first)).Then(first);
        Given(first).When(Next(first)).ThenNothing(); // another node was faster
        Given().When(Next(new FailuresReported(0, [], 0, Now))).ThenNothing();
        Given(first).When(Next(first with { UpTo = 3, At = Now.AddMinutes(14) })).ThenNothing();
        Given(first).When(Next(first with { UpTo = 3, At = Now.AddMinutes(15) })).Then(first with { UpTo = 3, At = Now.AddMinutes(15) });
    }

    [Fact]
    public async Task A_hundred_failures_are_one_mail_and_what_was_replayed_meanwhile_is_none()
    {
        await AddAdminsAsync("ann@example.com", "ben@example.com");
        var ids = new List<Guid>();
        for (var i = 0; i < 100; i++)
        {
            ids.Add(await FailAsync($"wedding-{i}"));
        }

        await ReplayAsync(ids[0]);
        await SweepAsync();
        await SweepAsync();
        var report = Assert.Single(await ReportsAsync());
        Assert.Equal((99, 100L), (report.Count, report.UpTo));
        Assert.Equal(ids[1..6], report.First);
        Assert.Equal(["send_failure_report/1"], await MailJobsAsync());

        var mailer = new KeepingMailer();
        await SendAsync(mailer, version: 1);
        Assert.Equal(["ann@example.com", "ben@example.com"], mailer.Sent.Select(mail => mail.To.Address).Order());
        Assert.Equal(2, mailer.Sent.Select(mail => mail.Id).Distinct().Count());
        Assert.All(mailer.Sent, mail => Assert.Equal("99 albums failed", mail.Subject));
        Assert.Contains("wedding-5: None of the album's files is there. (NO_FILES)", mailer.Sent[0].Text, StringComparison.Ordinal);
        Assert.DoesNotContain("wedding-6", mailer.Sent[0].Text, StringComparison.Ordinal);
        Assert.Contains("http://localhost/admin/albums?status=Failed", mailer.Sent[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_fails_later_is_told_a_quarter_of_an_hour_after_the_mail_before()
    {
        await AddAdminsAsync("ann@example.com");
        await FailAsync("kim-lee");
        await SweepAsync();
        await FailAsync("ann-bob");
        await SweepAsync();
        Assert.Single(await ReportsAsync());

        workshop.Clock.Shift = FailureReport.Interval;
        await SweepAsync();
        Assert.Equal([1L, 2L], (await ReportsAsync()).Select(report => report.UpTo));
        var mailer = new KeepingMailer();
        await SendAsync(mailer, version: 1);
        await SendAsync(mailer, version: 2);
        Assert.Equal(["An album of kim-lee failed", "An album of ann-bob failed"], mailer.Sent.Select(mail => mail.Subject));
    }

    [Fact]
    public async Task Admins_are_told_in_their_language_from_when_it_is_set()
    {
        await AddAdminsAsync("ann@example.com");
        await FailAsync("kim-lee");
        await SweepAsync();
        var mailer = new KeepingMailer();
        await workshop.Services.GetRequiredService<LiveSettings<MailSettings>>().ChangeAsync(
            new MailSettings { AdminLanguage = "de" }, "ann", expectedVersion: 0, Cancel);
        await SendAsync(mailer, version: 1);
        var mail = Assert.Single(mailer.Sent);
        Assert.Equal("Ein Album von kim-lee ist fehlgeschlagen", mail.Subject);
        Assert.Contains("konnte nicht gepackt werden: Keine der Dateien ist da. (NO_FILES)", mail.Text, StringComparison.Ordinal);
        Assert.Contains("<html lang=\"de\">", mail.Html, StringComparison.Ordinal);
        var wrong = () => workshop.Services.GetRequiredService<LiveSettings<MailSettings>>().ChangeAsync(
            new MailSettings { AdminLanguage = "Deutsch" }, "ann", expectedVersion: 1, Cancel);
        Assert.Equal("adminLanguage must be one of de, en.", (await Assert.ThrowsAsync<CommandRefusedException>(wrong)).Message);
    }

    [Theory]
    [InlineData("ann@example.com")]
    [InlineData("ben@example.com")]
    public async Task A_mailbox_that_refuses_keeps_the_report_from_nobody_else(string refused)
    {
        await AddAdminsAsync("ann@example.com", "ben@example.com");
        await FailAsync("kim-lee");
        await SweepAsync();
        var mailer = new KeepingMailer(refused);
        await SendAsync(mailer, version: 1);
        Assert.NotEqual(refused, Assert.Single(mailer.Sent).To.Address);
    }

    /// <summary>Read models are rebuilt: the same failures have the same numbers, and are not told again.</summary>
    [Fact]
    public async Task A_rebuilt_table_tells_nothing_twice()
    {
        var again = await FailAsync("kim-lee");
        await FailAsync("ann-bob");
        await ReplayAsync(again);
        await FailAgainAsync(again);
        await SweepAsync();
        await workshop.Services.GetRequiredService<Subscriptions>().RebuildAsync(AlbumsProjection.SubscriptionName, Cancel);
        workshop.Clock.Shift = FailureReport.Interval;
        await SweepAsync();
        Assert.Equal((2, 3L), Assert.Single(await ReportsAsync()) is var report ? (report.Count, report.UpTo) : default);
    }

    private static Decision<FailureReport, FailuresReported> Given(params FailuresReported[] history) => new(AlbumsModule.MapEvents, history);

    private static Func<FailureReport, IReadOnlyList<FailuresReported>> Next(FailuresReported next) => state => FailureReport.Decide(state, next);

    private async Task<Guid> FailAsync(string weddingId)
    {
        var id = Guid.CreateVersion7();
        await DecideAsync(id, new AlbumRequested(weddingId, [], "photos/", [], Now), new AlbumFailed("NO_FILES", "", Now));
        return id;
    }

    private Task FailAgainAsync(Guid id) => DecideAsync(id, new AlbumFailed("NO_FILES", "", Now));

    private Task ReplayAsync(Guid id) => DecideAsync(id, new AlbumReplayed("ann", Now));

    private Task DecideAsync(Guid id, params IAlbumEvent[] events) => workshop.Events.DecideAsync<Album, IAlbumEvent>(id, _ => events, Cancel);

    private async Task SweepAsync()
    {
        await CatchUpAsync(AlbumsProjection.SubscriptionName);
        using var sweep = new ReportFailures(Database, workshop.Events, workshop.Clock, NullLogger<ReportFailures>.Instance);
        await sweep.SweepAsync(Cancel);
    }

    private Task SendAsync(KeepingMailer mailer, long version)
    {
        var texts = workshop.Services.GetRequiredService<IStringLocalizer<Texts>>();
        var admins = new AdminMail(
            Database, mailer, workshop.Services.GetRequiredService<LiveSettings<MailSettings>>(), texts, NullLogger<AdminMail>.Instance);
        return new SendFailureReportHandler(workshop.Events, admins, texts, new AlbumOptions(new Uri("http://localhost/")))
            .RunAsync(new SendFailureReport(version), Cancel);
    }

    private async Task<List<FailuresReported>> ReportsAsync() =>
        await workshop.Events.ReadAsync("failure_report-admins", 1, Cancel).Select(e => (FailuresReported)e.Payload).ToListAsync(Cancel);

    private async Task<string[]> MailJobsAsync()
    {
        await CatchUpAsync("album_reactions");
        await using var query = Database.CreateCommand("select array_agg(job_name) from quartz.qrtz_job_details where job_name like 'send_failure_report%'");
        return (string[])(await query.ExecuteScalarAsync(Cancel))!;
    }

    private Task CatchUpAsync(string subscription) => workshop.Services.GetRequiredService<Subscriptions>().CatchUpAsync(subscription, Cancel);

    /// <summary>As far as albums look at accounts.</summary>
    private async Task AddAdminsAsync(params string[] emails)
    {
        await using var create = Database.CreateCommand("""
            create schema accounts;
            create table accounts."AspNetUsers" ("Id" uuid default gen_random_uuid(), "Email" text);
            create table accounts."AspNetRoles" ("Id" int, "Name" text);
            create table accounts."AspNetUserRoles" ("UserId" uuid, "RoleId" int);
            insert into accounts."AspNetRoles" values (1, 'admin'), (2, 'couple');
            """);
        await create.ExecuteNonQueryAsync(Cancel);
        await using var insert = Database.CreateCommand("""
            with person as (insert into accounts."AspNetUsers" ("Email") select unnest($1) returning "Id")
            insert into accounts."AspNetUserRoles" select "Id", 1 from person
            """);
        insert.Parameters.Add(new() { Value = emails });
        await insert.ExecuteNonQueryAsync(Cancel);
    }
}
