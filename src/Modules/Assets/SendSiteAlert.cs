using Platform.Accounts;
using Platform.Events;
using Platform.Jobs;
using Platform.Mail;

namespace Assets;

/// <summary>Tells all admins of an alert. A repetition is the same mail, by which mailboxes know it.</summary>
/// <param name="Version">Of the event that raised it.</param>
internal sealed record SendSiteAlert(string Site, long Version);

internal sealed class SendSiteAlertHandler(EventStore store, AdminMail admins) : IJob<SendSiteAlert>
{
    public async Task RunAsync(SendSiteAlert command, CancellationToken cancellationToken)
    {
        var e = await store.ReadAsync($"{Site.Category}-{command.Site}", command.Version, cancellationToken).FirstAsync(cancellationToken);
        if (e.Payload is AlertRaised alert)
        {
            await admins.SendAsync($"site-{command.Site}-alert-{command.Version}", LayoutOf(command.Site, alert), cancellationToken);
        }
    }

    public Task GaveUpAsync(SendSiteAlert command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask; // the API shows it

    private static MailLayout LayoutOf(string site, AlertRaised alert) => new(
        new MailBrand(),
        $"{site} ({alert.Environment}): {alert.Sentence}",
        [alert.Detail, "What is served stays as it is until a sync completes or a release is activated."],
        [],
        []);
}
