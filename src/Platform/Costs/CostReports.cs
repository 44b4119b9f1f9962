using Platform.Settings;

namespace Platform.Costs;

/// <param name="Sheet">The name of the price sheet that is paid now. What was used before it keeps the prices of its time.</param>
/// <param name="ForecastUsd">What the whole month will cost; of a month that is over, what it did.</param>
/// <param name="Comparison">What the same usage would have cost by each sheet, the cheapest first.</param>
public sealed record CostReport(
    DateOnly Month,
    string Sheet,
    Usage Usage,
    Cost Cost,
    decimal ForecastUsd,
    decimal? BudgetUsd,
    IReadOnlyList<CostLine> Modules,
    IReadOnlyList<CostLine> Weddings,
    IReadOnlyList<CostLine> Sites,
    IReadOnlyList<CostLine> Days,
    IReadOnlyList<SheetCost> Comparison);

public sealed record SheetCost(string Sheet, Cost Cost);

/// <param name="CostUsd">Of the month so far.</param>
public sealed record MonthCosts(decimal CostUsd, decimal ForecastUsd, decimal? BudgetUsd);

/// <summary>What a month costs, of what, and where it leads.</summary>
public sealed class CostReports
{
    private const int MostLines = 50;
    private const int MostDays = 100;

    private readonly CostQuery costs;
    private readonly LiveSettings<CostSettings> settings;
    private readonly TimeProvider clock;

    internal CostReports(CostQuery costs, LiveSettings<CostSettings> settings, TimeProvider clock) =>
        (this.costs, this.settings, this.clock) = (costs, settings, clock);

    /// <summary>UTC: months and days are those of the bill.</summary>
    public DateOnly Today => DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);

    /// <summary>The month of a day with all there is to know.</summary>
    public async Task<CostReport> OfMonthAsync(DateOnly day, CancellationToken cancellationToken)
    {
        var month = CostFilter.OfMonth(day);
        var current = settings.Current;
        var total = await costs.SumAsync(month, cancellationToken);
        var days = await costs.GroupAsync(CostDimension.Day, month, MostDays, cancellationToken);
        return new CostReport(
            month.From,
            current.Current,
            total.Usage,
            total.Cost,
            await ForecastAsync(month.From, cancellationToken),
            current.MonthlyBudgetUsd,
            await costs.GroupAsync(CostDimension.Module, month, MostLines, cancellationToken),
            await costs.GroupAsync(CostDimension.Wedding, month, MostLines, cancellationToken),
            await costs.GroupAsync(CostDimension.Site, month, MostLines, cancellationToken),
            days,
            [.. current.Sheets.Select(sheet => new SheetCost(sheet.Name, Reprice(sheet, days))).OrderBy(line => line.Cost.TotalUsd)]);
    }

    /// <summary>The present month in three numbers.</summary>
    public async Task<MonthCosts> ThisMonthAsync(CancellationToken cancellationToken)
    {
        var total = await costs.SumAsync(CostFilter.OfMonth(Today), cancellationToken);
        return new MonthCosts(total.Cost.TotalUsd, await ForecastAsync(Today, cancellationToken), settings.Current.MonthlyBudgetUsd);
    }

    /// <summary>Cost by day, days without any left out.</summary>
    internal async Task<IReadOnlyDictionary<DateOnly, decimal>> DaysAsync(DateOnly from, DateOnly until, CancellationToken cancellationToken) =>
        (await costs.GroupAsync(CostDimension.Day, new CostFilter(from, until), MostDays, cancellationToken))
            .ToDictionary(line => DateOnly.ParseExact(line.Name, "O"), line => line.Cost.TotalUsd);

    private async Task<decimal> ForecastAsync(DateOnly day, CancellationToken cancellationToken)
    {
        var month = CostFilter.OfMonth(day);
        var days = await DaysAsync(month.From.AddDays(-CostTrend.Days), month.Until, cancellationToken);
        return CostTrend.Forecast(days, month.From, Today);
    }

    private static Cost Reprice(PriceSheet sheet, IEnumerable<CostLine> days) => days.Aggregate(
        new Cost(),
        (sum, line) =>
        {
            var day = DateOnly.ParseExact(line.Name, "O");
            return sum + sheet.Of(line.Usage, day) + sheet.FixedOn(day);
        });
}
