using Platform.Accounts;
using Platform.Events;
using Platform.Jobs;
using Platform.Mail;

namespace Assets;

/// <summary>Tells all admins of an alert. A repetition is the same mail, by which mailboxes know it.</summary>
/// <param name="Version">Of the event that raised it.</param>
internal sealed record SendSiteAlert(string Site, long Version);

internal sealed class SendSiteAlertHandler(EventStore store, AdminAddresses admins, IMailer mailer) : IJob<SendSiteAlert>
{
    public async Task RunAsync(SendSiteAlert command, CancellationToken cancellationToken)
    {
        var e = await store.ReadAsync($"{Site.Category}-{command.Site}", command.Version, cancellationToken).FirstAsync(cancellationToken);
        if (e.Payload is not AlertRaised alert)
        {
            return;
        }

        foreach (var (personId, email) in await admins.ListAsync(cancellationToken))
        {
            await mailer.SendAsync(Compose(command, alert, personId, email), cancellationToken);
        }
    }

    public Task GaveUpAsync(SendSiteAlert command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask; // the API shows it

    private static Mail Compose(SendSiteAlert command, AlertRaised alert, Guid personId, string email) => new MailLayout(
        new MailBrand(),
        $"{command.Site} ({alert.Environment}): {alert.Sentence}",
        [alert.Detail, "What is served stays as it is until a sync completes or a release is activated."],
        [],
        [])
        .ToMail($"site-{command.Site}-alert-{command.Version}-{personId:n}", email);
}
