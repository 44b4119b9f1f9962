// An object that can be made again gets its name before its bytes are on the disk. Until they are, a file .storage/unsynced/{id} says so:
//
//   {boot id}\n{key}      in UTF-8, complete and itself synchronised before the object gets its name
//
// The page cache outlives the process, so within the same boot the object is as good as any. A mark of another boot means that the machine
// went down in between: what stands under the key may have holes, and is deleted before anybody can ask for it. A mark is removed after
// the object's bytes and name are on the disk, or with the object.

namespace Platform.Storage;

/// <summary>Objects that are not on the disk yet, and what becomes of them. Several processes may work on them at once.</summary>
/// <param name="root">Full path of the store.</param>
/// <param name="bootId">Of the machine's present run; <see langword="null"/> where nothing tells, and no object is ever marked.</param>
internal sealed class FolderUnsynced(string root, string? bootId, TimeProvider clock)
{
    // Linux writes what is 30 s old by itself. If it were made to earlier, everybody else's fsync would wait for these gigabytes.
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    // Of which one kernel on one machine has the pages: another machine would not know of a restart of this one.
    private static readonly string[] LocalFormats = ["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay", "overlayfs"];

    private readonly string folder = Path.Combine(root, FolderObjects.Hidden, "unsynced");

    /// <inheritdoc cref="FolderUnsynced" path="/param[@name='bootId']"/>
    public string? BootId => bootId;

    /// <summary>The id of this run of the machine, where a folder is on a disk of its own.</summary>
    public static string? BootIdFor(string folder)
    {
        const string File = "/proc/sys/kernel/random/boot_id";
        return System.IO.File.Exists(File) && LocalFormats.Contains(new DriveInfo(folder).DriveFormat) ? System.IO.File.ReadAllText(File).Trim() : null;
    }

    /// <summary>Says that the object which gets this key next is not on the disk.</summary>
    public void Mark(string key)
    {
        Disk.Guard(() => Disk.CreateFolder(folder));
        var draft = Path.Combine(root, FolderObjects.Hidden, "incoming", Guid.CreateVersion7().ToString("N"));
        Disk.WriteText(draft, $"{bootId}\n{key}");
        Disk.Guard(() => File.Move(draft, Path.Combine(folder, Path.GetFileName(draft))));
        Disk.SyncFolder(folder);
    }

    /// <summary>Says that what stands under the key now is on the disk, or that nothing stands there.</summary>
    public void Forget(string key)
    {
        foreach (var mark in Marks().Where(mark => mark.Key == key))
        {
            Remove(mark);
        }
    }

    /// <summary>Deletes what may have holes since the machine went down.</summary>
    public void DropLost()
    {
        if (!Marks().Any(mark => mark.BootId != bootId))
        {
            return;
        }

        // Whoever comes first does it; the others go on when it is done, or they would delete what was published since.
        using var alone = Disk.LockFolder(folder);
        foreach (var mark in Marks().Where(mark => mark.BootId != bootId))
        {
            DeleteObject(mark);
            Remove(mark);
        }
    }

    /// <summary>Brings marked objects to the disk as they come of age, until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(Pause, clock, cancellationToken);
            try
            {
                Synchronise(clock.GetUtcNow() - Patience);
            }
            catch (Exception e) when (e is StorageException or DirectoryNotFoundException)
            {
                // The next round tries again. Whether the disk works, readiness tells.
            }
        }
    }

    /// <summary>Brings objects to the disk that were marked before an instant.</summary>
    internal void Synchronise(DateTimeOffset before)
    {
        foreach (var mark in Marks().Where(mark => File.GetLastWriteTimeUtc(mark.File) < before))
        {
            try
            {
                using (var file = Disk.Open(mark.ObjectIn(root), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
                {
                    Disk.Sync(file);
                }

                Disk.SyncFolder(Path.GetDirectoryName(mark.ObjectIn(root))!);
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                // Deleted meanwhile.
            }
            catch (StorageException)
            {
                DeleteObject(mark); // the disk has lost some of it
            }

            Remove(mark);
        }
    }

    private List<UnsyncedObject> Marks()
    {
        try
        {
            return [.. Directory.EnumerateFiles(folder).Select(UnsyncedObject.Read).OfType<UnsyncedObject>()];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    private void DeleteObject(UnsyncedObject mark)
    {
        var path = mark.ObjectIn(root);
        if (File.Exists(path))
        {
            Disk.Guard(() => File.Delete(path));
            Disk.SyncOrRemoveFolders(Path.GetDirectoryName(path)!, root);
        }
    }

    private static void Remove(UnsyncedObject mark) => Disk.Guard(() => File.Delete(mark.File));

    /// <param name="File">The mark itself.</param>
    private sealed record UnsyncedObject(string File, string BootId, string Key)
    {
        public string ObjectIn(string root) => Path.Combine(root, Key);

        // Nothing where another process has removed it meanwhile.
        public static UnsyncedObject? Read(string file)
        {
            try
            {
                return System.IO.File.ReadAllText(file).Split('\n') is [var boot, var key] ? new(file, boot, key) : null;
            }
            catch (FileNotFoundException)
            {
                return null;
            }
        }
    }
}
