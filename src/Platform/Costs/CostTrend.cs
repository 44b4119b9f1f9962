namespace Platform.Costs;

/// <summary>Where costs lead. Days are given by what they cost; one that is not there cost nothing.</summary>
internal static class CostTrend
{
    /// <summary>A week, so that weekends, when weddings are, weigh as they should.</summary>
    public const int Days = 7;

    // Of fewer days nobody can say what is usual.
    private const int FewestDays = 3;

    /// <summary>
    /// What a month will cost: its days that are over as they were; the others as much as the average of the week before today, today at least
    /// what it cost already.
    /// </summary>
    /// <param name="month">Its first day.</param>
    public static decimal Forecast(IReadOnlyDictionary<DateOnly, decimal> days, DateOnly month, DateOnly today)
    {
        var until = month.AddMonths(1);
        var past = days.Where(day => day.Key >= month && day.Key < until && day.Key < today).Sum(day => day.Value);
        if (today >= until || today < month)
        {
            return past;
        }

        var spent = days.GetValueOrDefault(today);
        var average = AverageBefore(days, today)?.Average ?? spent;
        return past + Math.Max(spent, average) + (average * (until.DayNumber - today.DayNumber - 1));
    }

    /// <summary>Whether a day is out of the ordinary.</summary>
    /// <returns>The average that it exceeds; <see langword="null"/> where it does not, or where there are too few days to compare with.</returns>
    public static decimal? Anomaly(IReadOnlyDictionary<DateOnly, decimal> days, DateOnly day, CostSettings settings)
    {
        var spent = days.GetValueOrDefault(day);
        return AverageBefore(days, day) is { Count: >= FewestDays, Average: var average }
            && spent > settings.AnomalyAtLeastUsd
            && spent > average * settings.AnomalyPercent / 100
                ? average
                : null;
    }

    /// <summary>Over the days since the first that cost something, a week at most.</summary>
    private static (decimal Average, int Count)? AverageBefore(IReadOnlyDictionary<DateOnly, decimal> days, DateOnly day)
    {
        var before = days.Where(other => other.Key < day && other.Key >= day.AddDays(-Days)).ToList();
        if (before.Count == 0)
        {
            return null;
        }

        var count = day.DayNumber - before.Min(other => other.Key).DayNumber;
        return (before.Sum(other => other.Value) / count, count);
    }
}
