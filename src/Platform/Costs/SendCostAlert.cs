using System.Globalization;
using Microsoft.Extensions.Localization;
using Npgsql;
using Platform.Accounts;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;
using Platform.Languages;
using Platform.Mail;

namespace Platform.Costs;

/// <summary>Mails an alert to all admins. Safe to repeat: mailboxes know a mail that comes twice by its id.</summary>
/// <param name="Month">The id of the stream.</param>
internal sealed record SendCostAlert(string Month, long Version);

internal sealed class SendCostAlertHandler(EventStore store, AdminMail admins, IStringLocalizer<Texts> texts, PublicUrl publicUrl) : IJob<SendCostAlert>
{
    public async Task RunAsync(SendCostAlert command, CancellationToken cancellationToken)
    {
        var raised = await store.ReadAsync($"{CostAlerts.Category}-{command.Month}", command.Version, cancellationToken).FirstAsync(cancellationToken);
        await admins.SendAsync($"costs-{command.Month}-{command.Version}", brand => LayoutOf(brand, (CostAlertRaised)raised.Payload), cancellationToken);
    }

    public Task GaveUpAsync(SendCostAlert command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask; // the portal shows the alert

    private MailLayout LayoutOf(MailBrand brand, CostAlertRaised alert)
    {
        var (cost, limit, day) = (Dollars(alert.CostUsd), Dollars(alert.LimitUsd), alert.Day.ToString("D", CultureInfo.CurrentCulture));
        var (subject, text) = alert.Kind is CostAlertKind.Budget
            ? (texts["CostMail.Budget", alert.Percent], texts["CostMail.BudgetNote", cost, limit])
            : (texts["CostMail.Day", day], texts["CostMail.DayNote", day, cost, alert.Percent, limit]);
        return new MailLayout(
            brand,
            subject,
            [text, texts["CostMail.Note"]],
            [new MailButton(texts["CostMail.Button"], new Uri(publicUrl.Url, "admin/costs").ToString())],
            []);
    }

    private static string Dollars(decimal usd) => usd.ToString("C2", CultureInfo.CurrentCulture);
}

/// <summary>Queues the mails that follow from alerts.</summary>
internal sealed class CostReactions(JobQueue jobs) : ISubscription
{
    public string Name => "cost_reactions";

    public IReadOnlyCollection<Type> Handles { get; } = [typeof(CostAlertRaised)];

    public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken) =>
        jobs.EnqueueAsync($"send_cost_alert/{e.StreamId}/{e.Version}", new SendCostAlert(e.StreamId, e.Version), transaction, cancellationToken);
}
