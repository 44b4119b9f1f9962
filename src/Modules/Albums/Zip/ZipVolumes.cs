namespace Albums.Zip;

/// <summary>Where one ZIP ends and the next begins, for those whose unpacker, disk or patience takes only so many bytes at a time.</summary>
internal static class ZipVolumes
{
    /// <summary>
    /// Cuts entries into ZIPs of at most so many bytes, in their order, each as long as it can be. No entry is cut: one that is larger
    /// has a ZIP of its own, which is larger than asked for.
    /// </summary>
    /// <param name="first">The entry that the first ZIP begins with.</param>
    /// <returns>The entry that each begins with.</returns>
    internal static IEnumerable<int> Starts(IReadOnlyList<PlannedEntry> entries, int first, long maxBytes)
    {
        yield return first;
        var (start, local, central) = (first, 0L, 0L);
        for (var entry = first; entry < entries.Count; entry++)
        {
            var (nextLocal, nextCentral) = After(entry, local, central);
            if (entry > start && nextLocal + nextCentral + ZipFormat.EndRecordsSize(entry + 1 - start, nextLocal, nextCentral) > maxBytes)
            {
                yield return entry;
                start = entry;
                (nextLocal, nextCentral) = After(entry, 0, 0);
            }

            (local, central) = (nextLocal, nextCentral);
        }

        (long Local, long Central) After(int entry, long localBytes, long centralBytes)
        {
            var nameSize = System.Text.Encoding.UTF8.GetByteCount(entries[entry].Name);
            var sizeBytes = entries[entry].SizeBytes;
            return (
                localBytes + ZipFormat.LocalSize(nameSize, sizeBytes) + sizeBytes,
                centralBytes + ZipFormat.CentralSize(nameSize, sizeBytes, localBytes));
        }
    }
}
