using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Assets.Client;

/// <summary>What tells whether a file is still the one that was hashed.</summary>
internal readonly record struct FileStamp(long SizeBytes, long ModifiedTicks);

internal sealed record HashedFile(string Sha256, string ContentType);

// A text file, one line for each file of the folder, as it was when it was hashed:
//
//   {sha256} {size in bytes} {mtime in 100 ns} {content type}\t{path}\n
//
// It is replaced as a whole by a rename. A line that cannot be read is as good as none: the file is hashed again. Losing it costs time only.

/// <summary>SHA-256 of files that were hashed before, by path, size and modification time. Safe from any thread.</summary>
internal sealed class HashCache
{
    // A file that was written to moments ago may be written to again within the same tick of its file system's clock (git's "racy" problem).
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    private readonly string file;
    private readonly long settledBefore;
    private readonly Dictionary<string, (FileStamp Stamp, HashedFile Hashed)> known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (FileStamp Stamp, HashedFile Hashed)> seen = new(StringComparer.Ordinal);

    private HashCache(string file, DateTimeOffset now) => (this.file, settledBefore) = (file, (now - Settled).UtcTicks);

    /// <summary>Where the cache of a folder is kept unless told otherwise: in the user's cache folder.</summary>
    public static string DefaultFile(string folder)
    {
        var caches = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given
            ? given
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(folder))));
        return Path.Combine(caches, "assets-sync", name[..32]);
    }

    public static async Task<HashCache> OpenAsync(string file, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var cache = new HashCache(file, now);
        if (File.Exists(file))
        {
            await foreach (var line in File.ReadLinesAsync(file, cancellationToken))
            {
                cache.Read(line);
            }
        }

        return cache;
    }

    public HashedFile? Find(string path, FileStamp stamp)
    {
        if (!known.TryGetValue(path, out var entry) || entry.Stamp != stamp)
        {
            return null;
        }

        seen[path] = entry;
        return entry.Hashed;
    }

    public void Keep(string path, FileStamp stamp, HashedFile hashed)
    {
        if (stamp.ModifiedTicks < settledBefore)
        {
            seen[path] = (stamp, hashed);
        }
    }

    /// <summary>Writes what this run has seen. Where that is not possible the next run hashes again.</summary>
    public async Task SaveAsync(CancellationToken cancellationToken)
    {
        var partial = $"{file}.{Guid.CreateVersion7():N}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
            await File.WriteAllLinesAsync(partial, seen.Select(entry => Line(entry.Key, entry.Value.Stamp, entry.Value.Hashed)), cancellationToken);
            File.Move(partial, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(partial);
        }
    }

    private static string Line(string path, FileStamp stamp, HashedFile hashed) => string.Create(
        CultureInfo.InvariantCulture, $"{hashed.Sha256} {stamp.SizeBytes} {stamp.ModifiedTicks} {hashed.ContentType}\t{path}");

    private void Read(string line)
    {
        var tab = line.IndexOf('\t', StringComparison.Ordinal);
        var words = tab < 0 ? [] : line[..tab].Split(' ', 4);
        if (words is [{ Length: 64 } sha256, var size, var modified, var contentType]
            && long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var sizeBytes)
            && long.TryParse(modified, NumberStyles.None, CultureInfo.InvariantCulture, out var modifiedTicks))
        {
            known[line[(tab + 1)..]] = (new FileStamp(sizeBytes, modifiedTicks), new HashedFile(sha256, contentType));
        }
    }
}
