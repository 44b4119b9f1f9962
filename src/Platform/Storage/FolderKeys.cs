using System.IO.Enumeration;

namespace Platform.Storage;

/// <summary>The keys that the files of a folder stand for, in the order S3 lists them.</summary>
internal static class FolderKeys
{
    /// <summary>Keys that begin with a prefix and come after another, read as they are asked for.</summary>
    public static IEnumerable<string> Under(string root, string prefix, string? after)
    {
        var folder = prefix[..(prefix.LastIndexOf('/') + 1)];
        return folder.Length == 0 || ObjectKey.IsValid(folder[..^1]) ? Walk(root, folder, prefix, after) : [];
    }

    /// <summary>Keys under a folder ("" or "a/b/") in order. Holds the names of one folder per level in memory.</summary>
    private static IEnumerable<string> Walk(string root, string folder, string prefix, string? after)
    {
        foreach (var name in Names(Path.Combine(root, folder)))
        {
            var key = folder + name;
            if (key == FolderObjects.Hidden + "/")
            {
                continue;
            }

            var mayHold = name[^1] == '/';
            if (!key.StartsWith(prefix, StringComparison.Ordinal) && !(mayHold && prefix.StartsWith(key, StringComparison.Ordinal)))
            {
                continue;
            }

            if (after is not null && ObjectKey.Compare(key, after) <= 0 && !(mayHold && after.StartsWith(key, StringComparison.Ordinal)))
            {
                continue;
            }

            foreach (var found in mayHold ? Walk(root, key, prefix, after) : [key])
            {
                yield return found;
            }
        }
    }

    // A folder sorts as its name with the slash that follows in its keys.
    private static List<string> Names(string folder)
    {
        try
        {
            var names = new FileSystemEnumerable<string>(
                folder,
                (ref entry) => entry.IsDirectory ? $"{entry.FileName}/" : entry.FileName.ToString(),

                // Links are no objects: they could lead out of the folder, or round in it.
                new EnumerationOptions { AttributesToSkip = FileAttributes.ReparsePoint });
            var sorted = names.ToList();
            sorted.Sort(ObjectKey.Compare);
            return sorted;
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException)
        {
            return [];
        }
    }
}
