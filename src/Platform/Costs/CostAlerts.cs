using System.Collections.Immutable;
using System.Globalization;
using Platform.Events;
using Platform.Settings;

namespace Platform.Costs;

// Stream cost_alerts-{yyyyMM}. These shapes are the storage format: add members, never rename or remove one.

/// <summary>What is wrong with the costs. Stored.</summary>
public enum CostAlertKind
{
    /// <summary>The month has used so much of its budget.</summary>
    Budget,

    /// <summary>The day cost much more than the days before it.</summary>
    Anomaly,
}

/// <param name="Day">Of an anomaly; of a budget, the day on which it was seen.</param>
/// <param name="Percent">What was exceeded, of <paramref name="LimitUsd"/>.</param>
/// <param name="LimitUsd">The budget, or the average of the days before.</param>
public sealed record CostAlertRaised(CostAlertKind Kind, DateOnly Day, int Percent, decimal CostUsd, decimal LimitUsd, DateTimeOffset At);

/// <summary>What admins were told about a month.</summary>
internal sealed record CostAlerts(ImmutableList<CostAlertRaised> Raised) : IState<CostAlerts, CostAlertRaised>
{
    public static string Category => "cost_alerts";

    public static CostAlerts Initial { get; } = new(ImmutableList<CostAlertRaised>.Empty);

    public static CostAlerts Evolve(CostAlerts state, CostAlertRaised e) => new(state.Raised.Add(e));

    public static string StreamOf(DateOnly day) => day.ToString("yyyyMM", CultureInfo.InvariantCulture);
}

/// <summary>Looks whether a month or a day costs too much, and raises an alert once for each. Safe to repeat, and on any number of nodes.</summary>
public sealed class WatchCosts
{
    private readonly CostReports reports;
    private readonly LiveSettings<CostSettings> settings;
    private readonly EventStore store;
    private readonly TimeProvider clock;

    internal WatchCosts(CostReports reports, LiveSettings<CostSettings> settings, EventStore store, TimeProvider clock) =>
        (this.reports, this.settings, this.store, this.clock) = (reports, settings, store, clock);

    /// <summary>The alerts of a day's month, as they were raised.</summary>
    public async Task<IReadOnlyList<CostAlertRaised>> ListAsync(DateOnly day, CancellationToken cancellationToken) =>
        (await store.FoldAsync<CostAlerts, CostAlertRaised>(CostAlerts.StreamOf(day), cancellationToken)).State.Raised;

    internal async Task WatchAsync(CancellationToken cancellationToken)
    {
        var today = reports.Today;
        var current = settings.Current;
        var month = CostFilter.OfMonth(today);
        var days = await reports.DaysAsync(month.From.AddDays(-CostTrend.Days - 1), month.Until, cancellationToken);
        foreach (var day in (DateOnly[])[today.AddDays(-1), today])
        {
            await store.DecideAsync<CostAlerts, CostAlertRaised>(
                CostAlerts.StreamOf(day), alerts => DecideAnomaly(alerts, days, day, current, clock.GetUtcNow()), cancellationToken);
        }

        var spent = days.Where(day => day.Key >= month.From).Sum(day => day.Value);
        await store.DecideAsync<CostAlerts, CostAlertRaised>(
            CostAlerts.StreamOf(today), alerts => DecideBudget(alerts, spent, today, current, clock.GetUtcNow()), cancellationToken);
    }

    internal static IReadOnlyList<CostAlertRaised> DecideAnomaly(
        CostAlerts alerts, IReadOnlyDictionary<DateOnly, decimal> days, DateOnly day, CostSettings settings, DateTimeOffset now) =>
        alerts.Raised.All(alert => alert.Kind is not CostAlertKind.Anomaly || alert.Day != day) && CostTrend.Anomaly(days, day, settings) is { } average
            ? [new CostAlertRaised(CostAlertKind.Anomaly, day, settings.AnomalyPercent, days[day], average, now)]
            : [];

    /// <summary>The highest that was reached; those below it need no alert of their own any more. Another budget is watched anew.</summary>
    internal static IReadOnlyList<CostAlertRaised> DecideBudget(
        CostAlerts alerts, decimal spent, DateOnly day, CostSettings settings, DateTimeOffset now)
    {
        if (settings.MonthlyBudgetUsd is not { } budget
            || settings.BudgetAlertPercents.Where(percent => spent >= budget * percent / 100).DefaultIfEmpty().Max() is not (> 0 and var reached))
        {
            return [];
        }

        return alerts.Raised.Any(alert => alert.Kind is CostAlertKind.Budget && alert.LimitUsd == budget && alert.Percent >= reached)
            ? []
            : [new CostAlertRaised(CostAlertKind.Budget, day, reached, spent, budget, now)];
    }
}
