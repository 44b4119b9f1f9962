// Objects are files: key a/b.jpg is the file a/b.jpg under the root, so people and other programs can read them. Everything else is
// under .storage/, which no key reaches:
//
//   .storage/incoming/{id}          a PUT under way
//   .storage/multipart/{id}/        a multipart upload, see FolderMultipart.cs
//
// An object appears by rename(2) of a finished file whose bytes were synchronised before, and the rename is synchronised before it is
// acknowledged. A crash earlier leaves a file in incoming/ that the next start removes after a day; a crash later changes nothing. Readers
// hold the file they opened: a replaced or deleted object is read to its end.
//
// The ETag is {mtime in 100 ns}-{size}, both in hexadecimal. The store sets the mtime itself, later than any it set before, so two
// objects written by one process never share one; it is read from the open file, so If-Match holds for every byte of that read.
//
// A folder cannot hold key a and key a/b at once: the second is refused as InvalidKey. Content types are not kept.

using Microsoft.Win32.SafeHandles;

namespace Platform.Storage;

/// <summary>
/// Objects as files in a folder, for one machine or a shared file system with POSIX rename and flock. Several processes may use it at once.
/// </summary>
public sealed class FolderObjectStorage : IStore
{
    internal const string Hidden = ".storage";

    private const int PageSize = 1000;

    // As R2 does it: https://developers.cloudflare.com/r2/objects/multipart-objects/
    private static readonly TimeSpan MultipartLifetime = TimeSpan.FromDays(7);

    // Longer than any PUT takes.
    private static readonly TimeSpan IncomingLifetime = TimeSpan.FromDays(1);

    // The limit of every common file system.
    private const int MaxNameBytes = 255;

    private readonly string root;
    private readonly string incoming;
    private readonly FolderMultipart multipart;
    private readonly TimeProvider clock;
    private long lastStamp;

    /// <param name="folder">Created where missing.</param>
    public FolderObjectStorage(string folder, TimeProvider clock)
    {
        this.clock = clock;
        root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        incoming = Path.Combine(root, Hidden, "incoming");
        multipart = new FolderMultipart(this, Path.Combine(root, Hidden, "multipart"));
        Directory.CreateDirectory(incoming);
    }

    public Task<StoredObject?> HeadAsync(string key, CancellationToken cancellationToken) => Task.FromResult(Head(key, PathOf(key)));

    public Task<ObjectPage> ListAsync(string prefix, string? continuation, CancellationToken cancellationToken)
    {
        var found = new List<StoredObject>(PageSize);
        foreach (var key in FolderKeys.Under(root, prefix, continuation).Where(IsStorable))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (found.Count == PageSize)
            {
                return Task.FromResult(new ObjectPage(found, found[^1].Key));
            }

            // It may have been deleted since its folder was read.
            if (Head(key, PathOf(key)) is { } stored)
            {
                found.Add(stored);
            }
        }

        return Task.FromResult(new ObjectPage(found, null));
    }

    public Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken)
    {
        var file = OpenObject(key, ifMatch, out var stored);
        if (range is { } wanted && (wanted.OffsetBytes < 0 || wanted.SizeBytes <= 0 || wanted.EndBytes > stored.SizeBytes))
        {
            file.Dispose();
            throw new StorageException(StorageError.PreconditionFailed, $"{key} has {stored.SizeBytes} bytes: {wanted} is not within.");
        }

        return Task.FromResult<Stream>(new FileRangeStream(file, range ?? new ByteRange(0, stored.SizeBytes), ownsFile: true));
    }

    public async Task<StoredObject> PutAsync(
        string key, Stream body, long sizeBytes, string contentType, CancellationToken cancellationToken)
    {
        _ = PathOf(key);
        var file = Path.Combine(incoming, Guid.CreateVersion7().ToString("N"));
        try
        {
            using (var handle = Disk.Open(file, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                await Disk.WriteAsync(handle, 0, body, sizeBytes, cancellationToken);
                Finish(handle);
            }

            return Publish(file, key);
        }
        finally
        {
            File.Delete(file);
        }
    }

    public Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        var path = PathOf(key);
        if (File.Exists(path))
        {
            Disk.Guard(() => File.Delete(path));
            Disk.SyncOrRemoveFolders(Path.GetDirectoryName(path)!, root);
        }

        return Task.CompletedTask;
    }

    public Task<MultipartUpload> BeginMultipartAsync(string key, string contentType, CancellationToken cancellationToken)
    {
        _ = PathOf(key);
        return multipart.BeginAsync(key, cancellationToken);
    }

    public Task<StoredPart> PutPartAsync(MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken) =>
        multipart.StoreAsync(
            upload,
            part,
            async (file, offset) => FormattableString.Invariant(
                $"{await Disk.WriteAsync(file, offset, body, part.SizeBytes, cancellationToken):x8}-{part.SizeBytes:x}"),
            cancellationToken);

    public async Task<StoredPart> CopyPartAsync(
        MultipartUpload upload, PartSlot part, string sourceKey, long sourceOffsetBytes, string sourceETag, CancellationToken cancellationToken)
    {
        using var source = OpenObject(sourceKey, sourceETag, out var stored);
        var range = new ByteRange(sourceOffsetBytes, part.SizeBytes);
        if (range.EndBytes > stored.SizeBytes)
        {
            throw new StorageException(StorageError.PreconditionFailed, $"{sourceKey} has {stored.SizeBytes} bytes: {range} is not within.");
        }

        // The bytes are not seen here, but the source's ETag stands for them.
        var etag = FormattableString.Invariant($"{stored.ETag}-{range.OffsetBytes:x}-{range.SizeBytes:x}");
        return await multipart.StoreAsync(
            upload,
            part,
            async (file, offset) =>
            {
                await Disk.CopyAsync(source, range, file, offset, cancellationToken);
                return etag;
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<StoredPart>> ListPartsAsync(MultipartUpload upload, CancellationToken cancellationToken) =>
        multipart.ListAsync(upload, cancellationToken);

    public Task<StoredObject> CompleteMultipartAsync(
        MultipartUpload upload, IReadOnlyList<StoredPart> parts, CancellationToken cancellationToken) =>
        multipart.CompleteAsync(upload, parts, cancellationToken);

    public Task<MultipartPage> ListMultipartsAsync(string prefix, string? continuation, CancellationToken cancellationToken) =>
        Task.FromResult(new MultipartPage(multipart.Pending(prefix), null));

    public Task AbortMultipartAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        multipart.Abort(upload);
        return Task.CompletedTask;
    }

    public Uri? PresignDownload(string key, TimeSpan lifetime, string fileName) => null;

    async Task IStore.CheckAsync(CancellationToken cancellationToken)
    {
        var probe = Path.Combine(incoming, Guid.CreateVersion7().ToString("N"));
        try
        {
            await File.WriteAllTextAsync(probe, "", cancellationToken);
            File.Delete(probe);
            RemoveLeftovers();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw NotWritable(root, e);
        }
    }

    internal static StartupException NotWritable(string folder, Exception e) =>
        new($"Storage__Folder is {folder}, which cannot be written: {e.Message}", e) { ExitCode = 3 };

    /// <summary>Removes what crashed processes left behind, and multipart uploads that nobody added to for 7 days.</summary>
    internal void RemoveLeftovers()
    {
        var now = clock.GetUtcNow();
        foreach (var file in Directory.EnumerateFiles(incoming).Where(file => File.GetLastWriteTimeUtc(file) < now - IncomingLifetime))
        {
            File.Delete(file);
        }

        multipart.RemoveLeftovers(now - MultipartLifetime);
    }

    /// <summary>Gives a written file its mtime, and so its ETag, and synchronises it.</summary>
    internal void Finish(SafeFileHandle file)
    {
        long last, stamp;
        do
        {
            last = Volatile.Read(ref lastStamp);
            stamp = Math.Max(clock.GetUtcNow().UtcTicks, last + 1);
        }
        while (Interlocked.CompareExchange(ref lastStamp, stamp, last) != last);

        File.SetLastWriteTimeUtc(file, new DateTime(stamp, DateTimeKind.Utc));
        Disk.Sync(file);
    }

    /// <summary>Renames a finished file to the object's, replacing what was there.</summary>
    internal StoredObject Publish(string file, string key)
    {
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

        Disk.SyncFolder(folder);
        return Head(key, path) ?? throw new StorageException(StorageError.Unavailable, $"{key} vanished as it was stored.");
    }

    private static StoredObject? Head(string key, string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? Describe(key, file.Length, file.LastWriteTimeUtc) : null;
    }

    private static StoredObject Describe(string key, long sizeBytes, DateTime modifiedAt) =>
        new(key, sizeBytes, FormattableString.Invariant($"{modifiedAt.Ticks:x}-{sizeBytes:x}"), modifiedAt);

    private SafeFileHandle OpenObject(string key, string? ifMatch, out StoredObject stored)
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

    private string PathOf(string key)
    {
        ObjectKey.Check(key);
        return IsStorable(key)
            ? Path.Combine(root, key)
            : throw new StorageException(StorageError.InvalidKey, $"The key {key} cannot be a file: a name is reserved or over {MaxNameBytes} bytes.");
    }

    private static bool IsStorable(string key) => ObjectKey.IsValid(key)
        && !key.Split('/')[0].Equals(Hidden, StringComparison.OrdinalIgnoreCase)
        && key.Split('/').All(name => System.Text.Encoding.UTF8.GetByteCount(name) <= MaxNameBytes)
        && !(OperatingSystem.IsWindows() && key.AsSpan().IndexOfAny(['\\', ':']) >= 0);
}
