using System.Text.Json.Serialization;
using Platform.Settings;

namespace Platform.Costs;

// The document of stream settings-costs. This shape is a storage format: add members, never rename or remove one.

/// <summary>
/// What things cost, and when that is too much. What was used before a change keeps the price it had. The defaults are no configuration, so
/// that the costs follow from the log alone.
/// </summary>
public sealed record CostSettings : ISettings
{
    public static string Name => "costs";

    /// <summary>Any number, to compare them.</summary>
    public IReadOnlyList<PriceSheet> Sheets { get; init; } = PriceSheet.Known;

    /// <summary>The name of the one that is paid.</summary>
    public string Current { get; init; } = PriceSheet.Known[0].Name;

    /// <summary><see langword="null"/> for none.</summary>
    public decimal? MonthlyBudgetUsd { get; init; }

    /// <summary>Admins are told when a month has used so much of its budget.</summary>
    public IReadOnlyList<int> BudgetAlertPercents { get; init; } = [80, 100];

    /// <summary>Admins are told of a day that cost more than so much of the average of the days before it.</summary>
    public int AnomalyPercent { get; init; } = 150;

    /// <summary>And more than this: of a few cents nobody wants to hear.</summary>
    public decimal AnomalyAtLeastUsd { get; init; } = 1;

    /// <summary>The sheet that is paid.</summary>
    [JsonIgnore]
    public PriceSheet Sheet => Sheets.First(sheet => sheet.Name == Current);

    public IEnumerable<BrokenRule> BrokenRules()
    {
        // Years of such prices and any usage fit into a decimal.
        const decimal HighestPrice = 1_000_000;
        if (Sheets.Count is 0 or > 20 || Sheets.Any(sheet => string.IsNullOrWhiteSpace(sheet.Name) || sheet.Name.Length > 100)
            || Sheets.DistinctBy(sheet => sheet.Name).Count() < Sheets.Count)
        {
            yield return new(nameof(Sheets), "1 to 20 price sheets, each with a name of its own");
        }

        foreach (var (member, _) in Sheets.SelectMany(sheet => sheet.Prices).Where(price => price.Price is < 0 or > HighestPrice))
        {
            yield return new($"{nameof(Sheets)}.{member}", "between 0 and a million");
        }

        if (Sheets.All(sheet => sheet.Name != Current))
        {
            yield return new(nameof(Current), "the name of one of the sheets");
        }

        if (MonthlyBudgetUsd is <= 0 or > HighestPrice)
        {
            yield return new(nameof(MonthlyBudgetUsd), "more than 0, or null for none");
        }

        if (BudgetAlertPercents.Any(percent => percent is < 1 or > 1000))
        {
            yield return new(nameof(BudgetAlertPercents), "between 1 and 1000 each");
        }

        if (AnomalyPercent is < 101 or > 100_000)
        {
            yield return new(nameof(AnomalyPercent), "between 101 and 100000");
        }

        if (AnomalyAtLeastUsd is < 0 or > HighestPrice)
        {
            yield return new(nameof(AnomalyAtLeastUsd), "0 or more");
        }
    }
}
