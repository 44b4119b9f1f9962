using System.Globalization;
using Microsoft.Extensions.Configuration;
using Platform;

namespace Assets;

/// <summary>What the store charges, in US dollars; by default R2's list (https://developers.cloudflare.com/r2/pricing/), without its free tier.</summary>
internal sealed record Prices(double ClassAPerMillionUsd, double ClassBPerMillionUsd, double GbMonthUsd)
{
    private const double BytesPerGb = 1e9;

    /// <summary>Settings <c>Assets__Prices__ClassAPerMillionUsd</c>, <c>__ClassBPerMillionUsd</c>, <c>__GbMonthUsd</c>.</summary>
    /// <exception cref="StartupException">One of them is no amount.</exception>
    public static Prices Read(IConfiguration configuration)
    {
        return new Prices(Amount("ClassAPerMillionUsd", 4.50), Amount("ClassBPerMillionUsd", 0.36), Amount("GbMonthUsd", 0.015));

        double Amount(string name, double otherwise) => configuration[$"Assets:Prices:{name}"] is not { } setting ? otherwise
            : double.TryParse(setting, NumberStyles.Float, CultureInfo.InvariantCulture, out var amount) && amount >= 0 && double.IsFinite(amount) ? amount
            : throw new StartupException($"Assets__Prices__{name} is {setting}, but must be an amount such as 4.50.");
    }

    /// <summary>Of a sync that stores so many objects: a PUT and a look at each, the manifest, and keeping them.</summary>
    public SyncCost Of(int objects, long bytes)
    {
        var (classA, classB) = objects == 0 ? (0, 0) : (objects + 1, objects);
        return new SyncCost(
            classA,
            classB,
            ((classA * ClassAPerMillionUsd) + (classB * ClassBPerMillionUsd)) / 1e6,
            bytes / BytesPerGb * GbMonthUsd);
    }
}

/// <param name="OperationsUsd">Once.</param>
/// <param name="StorageUsdPerMonth">For what is added.</param>
internal sealed record SyncCost(int ClassAOperations, int ClassBOperations, double OperationsUsd, double StorageUsdPerMonth);
