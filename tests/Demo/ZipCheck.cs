using System.IO.Compression;
using System.Text.RegularExpressions;

namespace Demo;

/// <summary>Compares every byte of a ZIP with the files it was made of, which are made anew, and every CRC with one computed here.</summary>
internal static partial class ZipCheck
{
    private static readonly uint[] CrcTable = [.. Enumerable.Range(0, 256).Select(i =>
        Enumerable.Range(0, 8).Aggregate((uint)i, (crc, _) => (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320))];

    /// <exception cref="DemoFailedException">An entry is wrong, missing, or one too many.</exception>
    public static async Task CheckAsync(string path, IReadOnlyList<DemoFile> files, ProgressBar progress, CancellationToken cancellationToken)
    {
        await using var zip = await ZipFile.OpenReadAsync(path, cancellationToken);
        if (zip.Entries.Count != files.Count)
        {
            throw new DemoFailedException($"{files.Count} files were uploaded, but the ZIP has {zip.Entries.Count} entries.");
        }

        if (zip.Entries.Select(entry => entry.FullName).Distinct(StringComparer.OrdinalIgnoreCase).Count() != files.Count)
        {
            throw new DemoFailedException("Two entries of the ZIP have the same name.");
        }

        // Several files have one name, and the ZIP may number them in any order: an entry must be one of those not yet seen.
        var expected = files.GroupBy(file => Plain(file.NameInAlbum)).ToDictionary(group => group.Key, group => group.ToList());
        foreach (var entry in zip.Entries)
        {
            var candidates = expected.GetValueOrDefault(Plain(entry.Name), []);
            var found = false;
            for (var i = 0; i < candidates.Count && !found; i++)
            {
                if (await IsAsync(entry, candidates[i], progress, cancellationToken))
                {
                    candidates.RemoveAt(i);
                    found = true;
                }
            }

            if (!found)
            {
                throw new DemoFailedException($"The entry {entry.FullName} of the ZIP is none of the files that were uploaded, or is damaged.");
            }
        }

        progress.Finish();
    }

    private static async Task<bool> IsAsync(ZipArchiveEntry entry, DemoFile file, ProgressBar progress, CancellationToken cancellationToken)
    {
        if (entry.Length != file.SizeBytes)
        {
            return false;
        }

        await using var made = file.Open();
        await using var zipped = await entry.OpenAsync(cancellationToken);
        var (actual, wanted) = (new byte[256 << 10], new byte[256 << 10]);
        var (crc, doneBytes) = (uint.MaxValue, 0L);
        int read;
        while ((read = await zipped.ReadAtLeastAsync(actual, actual.Length, throwOnEndOfStream: false, cancellationToken)) > 0)
        {
            await made.ReadExactlyAsync(wanted.AsMemory(0, read), cancellationToken);
            if (!actual.AsSpan(0, read).SequenceEqual(wanted.AsSpan(0, read)))
            {
                progress.Add(-doneBytes);
                return false;
            }

            foreach (var value in actual.AsSpan(0, read))
            {
                crc = CrcTable[(byte)(crc ^ value)] ^ (crc >> 8);
            }

            progress.Add(read);
            doneBytes += read;
        }

        return doneBytes == file.SizeBytes && ~crc == entry.Crc32
            ? true
            : throw new DemoFailedException($"The entry {entry.FullName} has the right bytes, but says another size or CRC.");
    }

    private static string Plain(string name) => Number().Replace(name, "").ToUpperInvariant();

    [GeneratedRegex(@" \(\d+\)(?=\.[^.]*$|$)")]
    private static partial Regex Number();
}
