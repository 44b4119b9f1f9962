namespace Platform.Costs;

/// <summary>What a provider charges, in US dollars. All arithmetic is decimal.</summary>
/// <param name="EgressPerGbUsd">For bytes that are read from the store.</param>
/// <param name="GbMonthUsd">For keeping 10⁹ bytes for a month, whatever its length.</param>
/// <param name="FixedPerMonthUsd">Whatever is done: machines, gateways, balancers.</param>
public sealed record PriceSheet(
    string Name,
    decimal ClassAPerMillionUsd,
    decimal ClassBPerMillionUsd,
    decimal EgressPerGbUsd,
    decimal GbMonthUsd,
    decimal VcpuHourUsd,
    decimal FixedPerMonthUsd = 0)
{
    // A millionth of a millionth of a dollar: every cost is a whole number of them, so that sums are exact in whatever order.
    private const int Digits = 12;

    private const decimal BytesPerGb = 1_000_000_000;
    private const decimal Million = 1_000_000;
    private const decimal MicrosecondsPerHour = 3_600_000_000;

    /// <summary>What is known without anybody's contract; <c>docs/costs.md</c> says where the prices stand.</summary>
    public static IReadOnlyList<PriceSheet> Known { get; } =
    [
        new("R2", 4.50m, 0.36m, 0m, 0.015m, 0.0108m),
        new("AWS S3", 5.00m, 0.40m, 0.09m, 0.023m, 0.0108m),
        new("Separate services on AWS", 5.00m, 0.40m, 0.135m, 0.023m, 0.04048m, 65.70m),
    ];

    /// <param name="day">On which it was used: a month's price is shared equally among its days.</param>
    internal Cost Of(in Usage usage, DateOnly day)
    {
        var days = DateTime.DaysInMonth(day.Year, day.Month);
        return new Cost(
            Exact(((usage.ClassAOperations * ClassAPerMillionUsd) + (usage.ClassBOperations * ClassBPerMillionUsd)) / Million),
            Exact(usage.BytesOut * EgressPerGbUsd / BytesPerGb),
            Exact(usage.CpuMicroseconds * VcpuHourUsd / MicrosecondsPerHour),
            Exact(usage.StoredBytes * GbMonthUsd / BytesPerGb / days));
    }

    /// <summary>A day's share of what is paid whatever is done.</summary>
    internal Cost FixedOn(DateOnly day) => new(FixedUsd: Exact(FixedPerMonthUsd / DateTime.DaysInMonth(day.Year, day.Month)));

    internal IEnumerable<(string Member, decimal Price)> Prices =>
    [
        (nameof(ClassAPerMillionUsd), ClassAPerMillionUsd),
        (nameof(ClassBPerMillionUsd), ClassBPerMillionUsd),
        (nameof(EgressPerGbUsd), EgressPerGbUsd),
        (nameof(GbMonthUsd), GbMonthUsd),
        (nameof(VcpuHourUsd), VcpuHourUsd),
        (nameof(FixedPerMonthUsd), FixedPerMonthUsd),
    ];

    private static decimal Exact(decimal usd) => decimal.Round(usd, Digits, MidpointRounding.ToEven);
}

/// <summary>What some usage costs, in US dollars, exact to the last of twelve digits.</summary>
public readonly record struct Cost(
    decimal OperationsUsd = 0, decimal EgressUsd = 0, decimal ProcessorsUsd = 0, decimal StorageUsd = 0, decimal FixedUsd = 0)
{
    public decimal TotalUsd => OperationsUsd + EgressUsd + ProcessorsUsd + StorageUsd + FixedUsd;

    public static Cost operator +(Cost left, Cost right) => new(
        left.OperationsUsd + right.OperationsUsd,
        left.EgressUsd + right.EgressUsd,
        left.ProcessorsUsd + right.ProcessorsUsd,
        left.StorageUsd + right.StorageUsd,
        left.FixedUsd + right.FixedUsd);

    public static Cost Add(Cost left, Cost right) => left + right;

}
