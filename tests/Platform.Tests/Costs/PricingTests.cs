using Platform.Costs;
using Testing;
using Xunit;

namespace Platform.Tests.Costs;

public sealed class PricingTests
{
    private static readonly DateOnly Today = new(2026, 11, 21);
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private static PriceSheet R2 => PriceSheet.Known[0];

    [Fact]
    public void A_million_of_each_costs_what_the_list_says()
    {
        var usage = new Usage(1_000_000, 1_000_000, FreeOperations: 1_000_000, BytesIn: 1_000_000_000, BytesOut: 1_000_000_000, CpuMicroseconds: 3_600_000_000, StoredBytes: 0);
        Assert.Equal(new Cost(4.86m, 0m, 0.0108m, 0m), R2.Of(usage, Today));
        Assert.Equal(new Cost(5.40m, 0.09m, 0.0108m, 0m), PriceSheet.Known[1].Of(usage, Today));
    }

    [Theory]
    [InlineData(2026, 2)]
    [InlineData(2026, 11)]
    [InlineData(2026, 12)]
    public void A_gigabyte_and_what_is_fixed_cost_a_month_whatever_its_length(int year, int month)
    {
        var days = Enumerable.Range(1, DateTime.DaysInMonth(year, month)).Select(day => new DateOnly(year, month, day)).ToArray();
        var sheet = R2 with { FixedPerMonthUsd = 65.70m };
        Assert.Equal(0.015m, decimal.Round(days.Sum(day => sheet.Of(new Usage(StoredBytes: 1_000_000_000), day).StorageUsd), 9));
        Assert.Equal(65.70m, decimal.Round(days.Sum(day => sheet.FixedOn(day).FixedUsd), 9));
    }

    [Fact]
    public void A_cost_is_a_whole_number_of_the_least_amount()
    {
        var cost = R2.Of(new Usage(ClassBOperations: 1, CpuMicroseconds: 1, StoredBytes: 1), Today);
        Assert.Equal(new Cost(0.000000360000m, 0m, 0.000000000003m, 0m), cost);
    }

    [Fact]
    public void A_month_is_expected_to_go_on_as_the_week_before()
    {
        var month = new DateOnly(2026, 11, 1);
        var days = Enumerable.Range(1, 20).ToDictionary(day => new DateOnly(2026, 11, day), day => day <= 13 ? 1m : 2m);
        Assert.Equal(13 + 14 + 2 + (9 * 2), CostTrend.Forecast(days, month, Today));
        days[Today] = 5;
        Assert.Equal(13 + 14 + 5 + (9 * 2), CostTrend.Forecast(days, month, Today));
        Assert.Equal(32, CostTrend.Forecast(days, month, new DateOnly(2026, 12, 1)));
        Assert.Equal(30, CostTrend.Forecast(new Dictionary<DateOnly, decimal> { [month] = 1 }, month, month));
    }

    [Fact]
    public void A_day_that_costs_more_than_half_as_much_again_is_an_anomaly()
    {
        var settings = new CostSettings();
        var days = Enumerable.Range(14, 7).ToDictionary(day => new DateOnly(2026, 11, day), _ => 2m);
        days[Today] = 3;
        Assert.Null(CostTrend.Anomaly(days, Today, settings));
        days[Today] = 3.01m;
        Assert.Equal(2, CostTrend.Anomaly(days, Today, settings));
        Assert.Null(CostTrend.Anomaly(days, Today, settings with { AnomalyAtLeastUsd = 4 }));
        Assert.Null(CostTrend.Anomaly(days.Where(day => day.Key.Day >= 19).ToDictionary(), Today, settings)); // two days are no week
    }

    [Fact]
    public void An_anomaly_is_told_once()
    {
        var days = Enumerable.Range(14, 7).ToDictionary(day => new DateOnly(2026, 11, day), _ => 2m);
        days[Today] = 4;
        Given().When(alerts => WatchCosts.DecideAnomaly(alerts, days, Today, new CostSettings(), Now))
            .Then(new CostAlertRaised(CostAlertKind.Anomaly, Today, 150, 4, 2, Now));
        Given(new CostAlertRaised(CostAlertKind.Anomaly, Today.AddDays(-1), 150, 4, 2, Now))
            .When(alerts => WatchCosts.DecideAnomaly(alerts, days, Today, new CostSettings(), Now))
            .Then(new CostAlertRaised(CostAlertKind.Anomaly, Today, 150, 4, 2, Now));
    }

    [Fact]
    public void A_budget_alerts_at_each_of_its_marks_once_and_anew_where_it_is_another()
    {
        var settings = new CostSettings { MonthlyBudgetUsd = 100 };
        Budget(79.99m).ThenNothing();
        Budget(80).Then(new CostAlertRaised(CostAlertKind.Budget, Today, 80, 80, 100, Now));
        Budget(130).Then(new CostAlertRaised(CostAlertKind.Budget, Today, 100, 130, 100, Now));
        Budget(99, new CostAlertRaised(CostAlertKind.Budget, Today, 80, 81, 100, Now)).ThenNothing();
        Budget(100, new CostAlertRaised(CostAlertKind.Budget, Today, 80, 81, 100, Now))
            .Then(new CostAlertRaised(CostAlertKind.Budget, Today, 100, 100, 100, Now));
        Budget(85, new CostAlertRaised(CostAlertKind.Budget, Today, 100, 60, 50, Now))
            .Then(new CostAlertRaised(CostAlertKind.Budget, Today, 80, 85, 100, Now));
        Given().When(alerts => WatchCosts.DecideBudget(alerts, 1000, Today, new CostSettings(), Now)).ThenNothing();

        Decision<CostAlerts, CostAlertRaised>.Outcome Budget(decimal spent, params CostAlertRaised[] history) =>
            Given(history).When(alerts => WatchCosts.DecideBudget(alerts, spent, Today, settings, Now));
    }

    [Fact]
    public void Settings_that_make_no_sense_are_refused()
    {
        Assert.Empty(new CostSettings().BrokenRules());
        Assert.Equal(
            ["Current"], new CostSettings { Current = "none" }.BrokenRules().Select(rule => rule.Setting));
        Assert.Equal(["Sheets"], new CostSettings { Sheets = [R2, R2] }.BrokenRules().Select(rule => rule.Setting));
        Assert.Equal(
            ["Sheets.GbMonthUsd"], new CostSettings { Sheets = [R2 with { GbMonthUsd = -1 }] }.BrokenRules().Select(rule => rule.Setting));
        Assert.Equal(["MonthlyBudgetUsd"], new CostSettings { MonthlyBudgetUsd = 0 }.BrokenRules().Select(rule => rule.Setting));
        Assert.Equal(["AnomalyPercent"], new CostSettings { AnomalyPercent = 100 }.BrokenRules().Select(rule => rule.Setting));
    }

    private static Decision<CostAlerts, CostAlertRaised> Given(params CostAlertRaised[] history) => new(CostsWiring.MapEvents, history);
}
