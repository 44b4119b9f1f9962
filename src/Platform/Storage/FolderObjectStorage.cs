// Objects are files: key a/b.jpg is the file a/b.jpg under the root, so people and other programs can read them. Everything else is
// under .storage/, which no key reaches:
//
//   .storage/incoming/{id}          a PUT under way
//   .storage/multipart/{id}/        a multipart upload, see FolderMultipart.cs
//   .storage/unsynced/{id}          an object that is not on the disk yet, see FolderUnsynced.cs
//
// An object appears by rename(2) of a finished file whose bytes were synchronised before, and the rename is synchronised before it is
// acknowledged; but for one that can be made again, whose bytes and name follow later. A crash earlier leaves a file in incoming/ that the next start removes after a day; a crash later changes nothing. Readers
// hold the file they opened: a replaced or deleted object is read to its end.
//
// The ETag is {mtime in 100 ns}-{size}, both in hexadecimal. The store sets the mtime itself, later than any it set before, so two
// objects written by one process never share one; it is read from the open file, so If-Match holds for every byte of that read.
//
// A folder cannot hold key a and key a/b at once: the second is refused as InvalidKey. Content types are not kept.

namespace Platform.Storage;

/// <summary>
/// Objects as files in a folder, for one machine or a shared file system with POSIX rename and flock. Several processes may use it at once.
/// </summary>
public sealed class FolderObjectStorage : IStore
{
    private const int PageSize = 1000;

    // As R2 does it: https://developers.cloudflare.com/r2/objects/multipart-objects/
    private static readonly TimeSpan MultipartLifetime = TimeSpan.FromDays(7);

    // Longer than any PUT takes.
    private static readonly TimeSpan IncomingLifetime = TimeSpan.FromDays(1);

    private readonly string root;
    private readonly string incoming;
    private readonly FolderUnsynced unsynced;
    private readonly FolderObjects objects;
    private readonly FolderMultipart multipart;
    private readonly TimeProvider clock;

    /// <param name="folder">Created where missing.</param>
    public FolderObjectStorage(string folder, TimeProvider clock)
        : this(Directory.CreateDirectory(folder).FullName, clock, FolderUnsynced.BootIdFor(Path.GetFullPath(folder)))
    {
    }

    internal FolderObjectStorage(string folder, TimeProvider clock, string? bootId)
    {
        this.clock = clock;
        root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        incoming = Path.Combine(root, FolderObjects.Hidden, "incoming");
        unsynced = new FolderUnsynced(root, bootId, clock);
        objects = new FolderObjects(root, unsynced, clock);
        multipart = new FolderMultipart(objects, unsynced, Path.Combine(root, FolderObjects.Hidden, "multipart"));
        Directory.CreateDirectory(incoming);
        unsynced.DropLost();
    }

    /// <summary>Most file systems keep no checksums of what they hold.</summary>
    public bool CopiesAreSound => false;

    public long Throttled => 0;

    public Task<StoredObject?> HeadAsync(string key, CancellationToken cancellationToken) => Task.FromResult(objects.Head(key));

    public Task<ObjectPage> ListAsync(string prefix, string? continuation, CancellationToken cancellationToken)
    {
        var found = new List<StoredObject>(PageSize);
        foreach (var key in FolderKeys.Under(root, prefix, continuation).Where(FolderObjects.IsStorable))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (found.Count == PageSize)
            {
                return Task.FromResult(new ObjectPage(found, found[^1].Key));
            }

            // It may have been deleted since its folder was read.
            if (objects.Head(key) is { } stored)
            {
                found.Add(stored);
            }
        }

        return Task.FromResult(new ObjectPage(found, null));
    }

    public Task<Stream> ReadAsync(string key, ByteRange? range, string? ifMatch, CancellationToken cancellationToken)
    {
        var file = objects.Open(key, ifMatch, out var stored);
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
        _ = objects.PathOf(key);
        var file = Path.Combine(incoming, Guid.CreateVersion7().ToString("N"));
        try
        {
            using (var handle = Disk.Open(file, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                await Disk.WriteAsync(handle, 0, body, sizeBytes, turn: null, cancellationToken);
                objects.Finish(handle);
            }

            return objects.Publish(file, key);
        }
        finally
        {
            File.Delete(file);
        }
    }

    public async Task CopyAsync(string sourceKey, string key, ObjectHeaders headers, CancellationToken cancellationToken)
    {
        _ = objects.PathOf(key);
        using var source = objects.Open(sourceKey, null, out var stored);
        var file = Path.Combine(incoming, Guid.CreateVersion7().ToString("N"));
        try
        {
            using (var handle = Disk.Open(file, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                await Disk.CopyAsync(source, new ByteRange(0, stored.SizeBytes), handle, 0, cancellationToken);
                objects.Finish(handle);
            }

            objects.Publish(file, key);
        }
        finally
        {
            File.Delete(file);
        }
    }

    public Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        objects.Delete(key);
        return Task.CompletedTask;
    }

    public Task<MultipartUpload> BeginMultipartAsync(string key, string contentType, CancellationToken cancellationToken)
    {
        _ = objects.PathOf(key);
        return multipart.BeginAsync(key, isRebuildable: false, cancellationToken);
    }

    public Task<MultipartUpload> BeginRebuildableMultipartAsync(string key, string contentType, CancellationToken cancellationToken)
    {
        _ = objects.PathOf(key);
        return multipart.BeginAsync(key, isRebuildable: true, cancellationToken);
    }

    public Task<StoredPart> PutPartAsync(MultipartUpload upload, PartSlot part, Stream body, CancellationToken cancellationToken) =>
        multipart.StoreAsync(
            upload,
            part,
            async (file, offset, turn) => FormattableString.Invariant(
                $"{await Disk.WriteAsync(file, offset, body, part.SizeBytes, turn, cancellationToken):x8}-{part.SizeBytes:x}"),
            cancellationToken);

    public async Task<StoredPart> CopyPartAsync(
        MultipartUpload upload, PartSlot part, string sourceKey, long sourceOffsetBytes, string sourceETag, CancellationToken cancellationToken)
    {
        using var source = objects.Open(sourceKey, sourceETag, out var stored);
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
            async (file, offset, _) =>
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

    public Uri? PresignPart(MultipartUpload upload, PartSlot part, TimeSpan lifetime, uint? crc32) => null;

    public Uri? PresignDownload(string key, TimeSpan lifetime, string fileName) => null;

    public PresignedPut? PresignPut(string key, ObjectHeaders headers, ReadOnlyMemory<byte> sha256, TimeSpan lifetime) => null;

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

    Task IStore.RunAsync(CancellationToken cancellationToken) => unsynced.RunAsync(cancellationToken);

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
}
