using System.Globalization;
using Npgsql;
using Platform.Accounts;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;
using Platform.Mail;

namespace Platform.Costs;

/// <summary>Mails an alert to all admins. Safe to repeat: mailboxes know a mail that comes twice by its id.</summary>
/// <param name="Month">The id of the stream.</param>
internal sealed record SendCostAlert(string Month, long Version);

internal sealed class SendCostAlertHandler(EventStore store, AdminMail admins, PublicUrl publicUrl) : IJob<SendCostAlert>
{
    public async Task RunAsync(SendCostAlert command, CancellationToken cancellationToken)
    {
        var raised = await store.ReadAsync($"{CostAlerts.Category}-{command.Month}", command.Version, cancellationToken).FirstAsync(cancellationToken);
        await admins.SendAsync($"costs-{command.Month}-{command.Version}", LayoutOf((CostAlertRaised)raised.Payload), cancellationToken);
    }

    public Task GaveUpAsync(SendCostAlert command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask; // the portal shows the alert

    private MailLayout LayoutOf(CostAlertRaised alert)
    {
        var (subject, text) = alert.Kind is CostAlertKind.Budget
            ? (
                $"Costs have reached {alert.Percent} % of the month's budget",
                string.Create(CultureInfo.InvariantCulture, $"This month has cost ${alert.CostUsd:N2} so far, of a budget of ${alert.LimitUsd:N2}."))
            : (
                string.Create(CultureInfo.InvariantCulture, $"Unusual costs on {alert.Day:d MMMM}"),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{alert.Day:d MMMM yyyy} cost ${alert.CostUsd:N2}, more than {alert.Percent} % of what the days before it cost on average: ${alert.LimitUsd:N2}."));
        return new MailLayout(
            new MailBrand(),
            subject,
            [text, "Nothing was stopped. What it went to stands in the portal, by module, wedding and site."],
            [new MailButton("Look at the costs", new Uri(publicUrl.Url, "admin/costs").ToString())],
            []);
    }
}

/// <summary>Queues the mails that follow from alerts.</summary>
internal sealed class CostReactions(JobQueue jobs) : ISubscription
{
    public string Name => "cost_reactions";

    public IReadOnlyCollection<Type> Handles { get; } = [typeof(CostAlertRaised)];

    public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken) =>
        jobs.EnqueueAsync($"send_cost_alert/{e.StreamId}/{e.Version}", new SendCostAlert(e.StreamId, e.Version), transaction, cancellationToken);
}
