using Platform.Storage;

namespace Albums.Zip;

/// <summary>A ZIP that is in the store and begins with the same bytes as the one that is made. Parts of those can be copied from it.</summary>
/// <param name="SameBytes">How many are the same, from the first on.</param>
internal sealed record EarlierZip(string Key, string ETag, long SameBytes)
{
    /// <summary>Compares what is planned with what an earlier plan made.</summary>
    /// <param name="zip">What the store has of it. Plans of several volumes are not compared.</param>
    internal static EarlierZip? Of(ZipPlan plan, ZipPlan earlier, StoredObject zip)
    {
        if (plan.LayoutVersion != earlier.LayoutVersion || plan.VolumeCount > 1 || earlier.VolumeCount > 1)
        {
            return null;
        }

        var same = plan.Entries.Zip(earlier.Entries).TakeWhile(pair => AreSame(pair.First, pair.Second)).Count();
        return same == 0 ? null : new EarlierZip(zip.Key, zip.ETag, new ZipLayout(plan).OffsetOf(same));
    }

    // All that a header says, and the object behind it.
    private static bool AreSame(PlannedEntry entry, PlannedEntry earlier) =>
        entry is { Key: not null, Crc32: not null }
        && (entry.Name, entry.Crc32, entry.Key, entry.ETag, entry.SizeBytes, entry.ModifiedAt)
        == (earlier.Name, earlier.Crc32, earlier.Key, earlier.ETag, earlier.SizeBytes, earlier.ModifiedAt);
}
