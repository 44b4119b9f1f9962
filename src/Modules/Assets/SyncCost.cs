using Platform.Costs;

namespace Assets;

/// <summary>What a sync costs at the store, by the sheet that is paid.</summary>
/// <param name="OperationsUsd">Once.</param>
/// <param name="StorageUsdPerMonth">For what is added.</param>
internal sealed record SyncCost(int ClassAOperations, int ClassBOperations, decimal OperationsUsd, decimal StorageUsdPerMonth)
{
    private const decimal Million = 1_000_000;
    private const decimal BytesPerGb = 1_000_000_000;

    /// <summary>Of so many objects: a PUT of each and of the manifest, the looks at some of them, and keeping them.</summary>
    public static SyncCost Of(PriceSheet sheet, int objects, long bytes)
    {
        var (classA, classB) = objects == 0 ? (0, 0) : (objects + 1, ReceiveObjectsHandler.SampleOf(objects));
        return new SyncCost(
            classA,
            classB,
            ((classA * sheet.ClassAPerMillionUsd) + (classB * sheet.ClassBPerMillionUsd)) / Million,
            bytes * sheet.GbMonthUsd / BytesPerGb);
    }
}
