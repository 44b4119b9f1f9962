using Microsoft.Extensions.Localization;
using Platform.Accounts;
using Platform.Events;
using Platform.Jobs;
using Platform.Languages;
using Platform.Mail;

namespace Assets;

/// <summary>Tells all admins of an alert. A repetition is the same mail, by which mailboxes know it.</summary>
/// <param name="Version">Of the event that raised it.</param>
internal sealed record SendSiteAlert(string Site, long Version);

internal sealed class SendSiteAlertHandler(EventStore store, AdminMail admins, IStringLocalizer<Texts> texts) : IJob<SendSiteAlert>
{
    public async Task RunAsync(SendSiteAlert command, CancellationToken cancellationToken)
    {
        var e = await store.ReadAsync($"{Site.Category}-{command.Site}", command.Version, cancellationToken).FirstAsync(cancellationToken);
        if (e.Payload is AlertRaised alert)
        {
            await admins.SendAsync($"site-{command.Site}-alert-{command.Version}", brand => LayoutOf(brand, command.Site, alert), cancellationToken);
        }
    }

    public Task GaveUpAsync(SendSiteAlert command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask; // the API shows it

    private MailLayout LayoutOf(MailBrand brand, string site, AlertRaised alert) => new(
        brand,
        $"{site} ({alert.Environment}): {texts[$"SiteAlert.{alert.Kind}"]}",
        [alert.Detail, texts["SiteMail.Note"]],
        [],
        []);
}
