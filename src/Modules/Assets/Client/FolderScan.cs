using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Assets.Client;

/// <summary>A file of the site, where it lies and what it holds.</summary>
internal sealed record ScannedFile(string FullPath, AssetFile File);

/// <param name="Problems">Why the folder cannot become a release, a line each. A site with a file missing is worse than none.</param>
internal sealed record Scan(IReadOnlyList<ScannedFile> Files, IReadOnlyList<string> Problems, long HashedBytes);

/// <summary>
/// Reads a folder: which files it has, and the SHA-256 of each. Links are followed to files within the folder only. Files that an earlier
/// scan has hashed, and that have not changed since, are not read.
/// </summary>
internal sealed class FolderScan(string folder, GlobFilter filter, HashCache cache)
{
    private const int BlockBytes = 256 * 1024;

    // A build that still writes is done soon, or it is no build.
    private const int MostAttempts = 3;

    // Hashing is bound by processors, opening by the disk.
    private static readonly int Workers = Math.Max(4, Environment.ProcessorCount);

    private readonly string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
    private readonly ConcurrentBag<string> problems = [];
    private long hashedBytes;

    /// <summary>Is told where each file lies that was hashed, before a look whether it is still the same.</summary>
    public Action<string>? Hashed { get; init; }

    /// <param name="progress">Files hashed so far.</param>
    public async Task<Scan> RunAsync(Action<int> progress, CancellationToken cancellationToken)
    {
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        Collect(root, "", paths);
        var files = new ConcurrentBag<ScannedFile>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Workers, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(paths, options, async (entry, cancel) =>
        {
            if (await ReadAsync(entry.Key, entry.Value, cancel) is { } file)
            {
                files.Add(new ScannedFile(entry.Value, file));
                progress(files.Count);
            }
        });
        return new Scan([.. files.OrderBy(file => file.File.Path, StringComparer.Ordinal)], [.. problems.Order(StringComparer.Ordinal)], hashedBytes);
    }

    private void Collect(string directory, string prefix, Dictionary<string, string> paths)
    {
        FileSystemInfo[] entries;
        try
        {
            entries = new DirectoryInfo(directory).GetFileSystemInfos();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            problems.Add($"{prefix}: {e.Message}");
            return;
        }

        foreach (var entry in entries)
        {
            var path = prefix + entry.Name.Normalize(NormalizationForm.FormC);
            if (entry is DirectoryInfo && entry.LinkTarget is null)
            {
                Collect(entry.FullName, path + "/", paths);
            }
            else if (!filter.Takes(path))
            {
                continue;
            }
            else if (!AssetPath.IsValid(path))
            {
                problems.Add($"{path}: cannot be the path of a file.");
            }
            else if (entry.LinkTarget is not null && !LeadsInside(entry))
            {
                problems.Add($"{path}: a link that leads to no file within the folder.");
            }
            else if (!paths.TryAdd(path, entry.FullName))
            {
                problems.Add($"{path}: two names that are the same in Unicode's normal form.");
            }
        }
    }

    // A folder above may be a link, too: what counts is where the file lies in the end.
    private bool LeadsInside(FileSystemInfo link)
    {
        try
        {
            return link.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true } target
                && target.FullName.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal)
                && !Path.GetRelativePath(root, target.FullName).Split(Path.DirectorySeparatorChar)
                    .SkipLast(1)
                    .Aggregate(
                        (Folder: root, HasLink: false),
                        (above, name) => (Path.Combine(above.Folder, name), above.HasLink || IsLink(Path.Combine(above.Folder, name))))
                    .HasLink;
        }
        catch (IOException)
        {
            return false; // a circle
        }
    }

    private static bool IsLink(string directory) => new DirectoryInfo(directory).LinkTarget is not null;

    private async Task<AssetFile?> ReadAsync(string path, string fullPath, CancellationToken cancellationToken)
    {
        try
        {
            for (var attempt = 1; attempt <= MostAttempts; attempt++)
            {
                var stamp = StampOf(fullPath);
                if (cache.Find(path, stamp) is { } known)
                {
                    return new AssetFile(path, known.Sha256, stamp.SizeBytes, known.ContentType);
                }

                var hashed = await HashAsync(path, fullPath, cancellationToken);
                Hashed?.Invoke(fullPath);
                if (StampOf(fullPath) == stamp)
                {
                    cache.Keep(path, stamp, hashed);
                    return new AssetFile(path, hashed.Sha256, stamp.SizeBytes, hashed.ContentType);
                }
            }

            problems.Add($"{path}: is being written to.");
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            problems.Add($"{path}: {e.Message}");
        }

        return null;
    }

    private static FileStamp StampOf(string fullPath)
    {
        var file = new FileInfo(fullPath);
        file = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        return !file.Exists || !PlainFile.Is(file) ? throw new IOException("is not a plain file.")
            : file.Length > ReleaseManifest.MostFileBytes ? throw new IOException("has more than 5 GiB.")
            : new FileStamp(file.Length, file.LastWriteTimeUtc.Ticks);
    }

    private async Task<HashedFile> HashAsync(string path, string fullPath, CancellationToken cancellationToken)
    {
        await using var file = new FileStream(fullPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0, useAsync: false);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            string? contentType = null;
            int read;
            do
            {
                read = await file.ReadAsync(buffer, cancellationToken);
                contentType ??= FileTypes.Of(AssetPath.ExtensionOf(path), buffer.AsSpan(0, Math.Min(read, FileTypes.SignatureBytes)));
                hash.AppendData(buffer, 0, read);
                Interlocked.Add(ref hashedBytes, read);
            }
            while (read > 0);

            return new HashedFile(Convert.ToHexStringLower(hash.GetCurrentHash()), contentType);
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
