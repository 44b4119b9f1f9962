using Microsoft.Win32.SafeHandles;

namespace Platform.Storage;

/// <summary>The finished objects of <see cref="FolderObjectStorage"/>, whose file tells the format.</summary>
/// <param name="root">Full path, without a separator at its end.</param>
internal sealed class FolderObjects(string root, FolderUnsynced unsynced, TimeProvider clock)
{
    internal const string Hidden = ".storage";

    // The limit of every common file system.
    private const int MaxNameBytes = 255;

    private long lastStamp;

    public static bool IsStorable(string key) => ObjectKey.IsValid(key)
        && !key.Split('/')[0].Equals(Hidden, StringComparison.OrdinalIgnoreCase)
        && key.Split('/').All(name => System.Text.Encoding.UTF8.GetByteCount(name) <= MaxNameBytes)
        && !(OperatingSystem.IsWindows() && key.AsSpan().IndexOfAny(['\\', ':']) >= 0);

    public string PathOf(string key)
    {
        ObjectKey.Check(key);
        return IsStorable(key)
            ? Path.Combine(root, key)
            : throw new StorageException(StorageError.InvalidKey, $"The key {key} cannot be a file: a name is reserved or over {MaxNameBytes} bytes.");
    }

    public StoredObject? Head(string key)
    {
        var file = new FileInfo(PathOf(key));
        return file.Exists ? Describe(key, file.Length, file.LastWriteTimeUtc) : null;
    }

    /// <summary>Opens an object that has the ETag, if one is given.</summary>
    public SafeFileHandle Open(string key, string? ifMatch, out StoredObject stored)
    {
        var path = PathOf(key);
        SafeFileHandle file;
        try
        {
            file = Disk.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException || !File.Exists(path))
        {
            throw new StorageException(StorageError.NotFound, $"There is no object {key}.", e);
        }

        stored = Describe(key, RandomAccess.GetLength(file), File.GetLastWriteTimeUtc(file));
        if (ifMatch is null || ifMatch == stored.ETag)
        {
            return file;
        }

        file.Dispose();
        throw new StorageException(StorageError.PreconditionFailed, $"{key} was replaced: its ETag is {stored.ETag}, not {ifMatch}.");
    }

    /// <summary>Gives a written file its mtime, and so its ETag.</summary>
    /// <param name="isRebuildable">It is not brought to the disk now.</param>
    public void Finish(SafeFileHandle file, bool isRebuildable = false)
    {
        long last, stamp;
        do
        {
            last = Volatile.Read(ref lastStamp);
            stamp = Math.Max(clock.GetUtcNow().UtcTicks, last + 1);
        }
        while (Interlocked.CompareExchange(ref lastStamp, stamp, last) != last);

        File.SetLastWriteTimeUtc(file, new DateTime(stamp, DateTimeKind.Utc));
        if (!isRebuildable)
        {
            Disk.Sync(file);
        }
    }

    /// <summary>Renames a finished file to the object's, replacing what was there.</summary>
    public StoredObject Publish(string file, string key, bool isRebuildable = false)
    {
        if (isRebuildable)
        {
            unsynced.Mark(key);
        }

        var path = PathOf(key);
        var folder = Path.GetDirectoryName(path)!;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Disk.CreateFolder(folder);
                File.Move(file, path, overwrite: true);
                break;
            }
            catch (DirectoryNotFoundException) when (attempt < 10 && File.Exists(file))
            {
                // A deletion removed the empty folder in between.
            }
            catch (Exception e) when (e is UnauthorizedAccessException or IOException && File.Exists(file))
            {
                throw Directory.Exists(path) || Disk.IsBelowFile(folder)
                    ? new StorageException(StorageError.InvalidKey, $"The key {key} cannot stand beside those in the folder already.", e)
                    : new StorageException(StorageError.Unavailable, e.Message, e);
            }
        }

        if (!isRebuildable)
        {
            Disk.SyncFolder(folder);
            unsynced.Forget(key);
        }

        return Head(key) ?? throw new StorageException(StorageError.Unavailable, $"{key} vanished as it was stored.");
    }

    /// <summary>Deletes an object, if there is one.</summary>
    public void Delete(string key)
    {
        var path = PathOf(key);
        if (File.Exists(path))
        {
            Disk.Guard(() => File.Delete(path));
            Disk.SyncOrRemoveFolders(Path.GetDirectoryName(path)!, root);
            unsynced.Forget(key);
        }
    }

    private static StoredObject Describe(string key, long sizeBytes, DateTime modifiedAt) =>
        new(key, sizeBytes, FormattableString.Invariant($"{modifiedAt.Ticks:x}-{sizeBytes:x}"), modifiedAt);
}
