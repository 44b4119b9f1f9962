// A multipart upload of the folder store, .storage/multipart/{id}/:
//
//   key             the key, UTF-8. Also the lock: who writes a part holds it shared (flock), who completes holds it alone.
//                   Of an upload that can be made again: "rebuildable {boot id}", a line feed, the key (which has none).
//   body            parts in place, each at its offset: sparse until the last one came
//   {n}.part        part n: "{etag} {offset} {size} {file}" and a line feed, where file is "body" or
//   {n}.{guid}      a re-sent part n, from its byte 0
//
// {n}.part is created empty, with O_EXCL, by the one writer that may write part n in place; it counts from the moment its line stands there,
// which comes after the bytes were synchronised. Whoever finds it writes to a file of its own and renames a new {n}.part over it. What was
// in place before is never written over by a re-send, so a re-send that is cut off harms nothing.
//
// Completion, alone with the upload: re-sent parts are copied into body at their offsets (a crash here: {n}.part still names the side file, do
// it again), body is cut to its size, stamped, synchronised and renamed to the object: this is the commit. A crash after it leaves a
// folder without body, which counts as no upload. Where a writer still holds the upload, or parts were left out, the object is put
// together in a new file instead, which no late write can reach; a crash after its rename lets completion be repeated with the same bytes.
// An upload that can be made again is not synchronised, neither its parts nor their records. The page cache outlives the process, not the
// machine's run: in any other boot than the one it was begun in, the upload is unknown. Its object is marked before the rename
// (FolderUnsynced.cs).
//
// An upload is discarded by renaming its folder to {id}.gone first: from then on it is unknown, and nothing in it is ever read again.

using Microsoft.Win32.SafeHandles;

namespace Platform.Storage;

/// <summary>The multipart half of <see cref="FolderObjectStorage"/>.</summary>
internal sealed class FolderMultipart(FolderObjects objects, FolderUnsynced unsynced, string root)
{
    private const string Body = FolderPart.Body;
    private const string Gone = ".gone";

    // S3's limit.
    private const int MaxNumber = 10_000;

    // One for each body, or for a few that happen to share it.
    private readonly SemaphoreSlim[] turns = [.. Enumerable.Range(0, 16).Select(_ => new SemaphoreSlim(1))];

    public Task<MultipartUpload> BeginAsync(string key, bool isRebuildable, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var upload = new MultipartUpload(key, Guid.CreateVersion7().ToString("N"));
        var folder = Path.Combine(root, upload.Id);
        Disk.Guard(() => Disk.CreateFolder(folder));
        Disk.Open(Path.Combine(folder, Body), FileMode.CreateNew, FileAccess.Write, FileShare.None).Dispose();
        FolderHold.Record(folder, key, isRebuildable ? unsynced.BootId : null);
        Disk.SyncFolder(folder);
        return Task.FromResult(upload);
    }

    /// <summary>Stores one part by <paramref name="fill"/>, which writes its bytes at an offset of a file, in turns, and returns its ETag.</summary>
    public async Task<StoredPart> StoreAsync(
        MultipartUpload upload, PartSlot slot, Func<SafeFileHandle, long, SemaphoreSlim, Task<string>> fill, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(slot.Number, 1, nameof(slot));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(slot.Number, MaxNumber, nameof(slot));
        ArgumentOutOfRangeException.ThrowIfNegative(slot.OffsetBytes, nameof(slot));
        using var held = await HoldAsync(upload, cancellationToken);
        var folder = FolderOf(upload);
        using var claim = TryClaim(upload, slot.Number);
        var inPlace = claim is not null;
        var name = inPlace ? Body : $"{slot.Number}.{Guid.CreateVersion7():N}";
        var recorded = false;
        try
        {
            string etag;
            using (var file = Disk.Open(Path.Combine(folder, name), inPlace ? FileMode.Open : FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite))
            {
                etag = await fill(file, inPlace ? slot.OffsetBytes : 0, turns[(uint)upload.Id.GetHashCode(StringComparison.Ordinal) % turns.Length]);
                if (!held.IsRebuildable)
                {
                    Disk.Sync(file);
                }
            }

            var stored = new StoredPart(slot.Number, etag, slot.SizeBytes);
            new FolderPart(stored, slot.OffsetBytes, name).Record(folder, claim, synchronise: !held.IsRebuildable);
            recorded = true;
            return stored;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Unknown(upload, e);
        }
        finally
        {
            if (!recorded && !inPlace)
            {
                Forget(Path.Combine(folder, name));
            }
        }
    }

    public async Task<IReadOnlyList<StoredPart>> ListAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        using var held = await HoldAsync(upload, cancellationToken);
        return [.. ReadParts(upload).Select(part => part.Stored)];
    }

    public async Task<StoredObject> CompleteAsync(
        MultipartUpload upload, IReadOnlyList<StoredPart> parts, CancellationToken cancellationToken)
    {
        var alone = TryHold(upload, FileShare.None);
        using var held = alone ?? await HoldAsync(upload, cancellationToken);
        var folder = FolderOf(upload);
        var written = ReadParts(upload);
        var layout = FolderPart.Layout(written, parts);
        var made = Path.Combine(folder, Body);
        try
        {
            var isInPlace = alone is not null && written.Count == parts.Count && layout.All(placed => placed.Part.OffsetBytes == placed.OffsetBytes);
            made = isInPlace ? made : Path.Combine(folder, $"{Guid.CreateVersion7():N}.whole");
            using (var target = Disk.Open(made, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None))
            {
                foreach (var (part, offset) in layout.Where(placed => !isInPlace || placed.Part.File != Body))
                {
                    await CopyAsync(folder, part, target, offset, cancellationToken);
                }

                Disk.Guard(() => RandomAccess.SetLength(target, parts.Sum(part => part.SizeBytes)));
                objects.Finish(target, held.IsRebuildable);
            }

            var stored = objects.Publish(made, upload.Key, held.IsRebuildable);
            Abort(upload);
            return stored;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Unknown(upload, e);
        }
        finally
        {
            if (!made.EndsWith(Body, StringComparison.Ordinal))
            {
                Forget(made);
            }
        }
    }

    public IReadOnlyList<PendingMultipart> Pending(string prefix)
    {
        var pending = new List<PendingMultipart>();
        foreach (var folder in Directory.Exists(root) ? Directory.EnumerateDirectories(root) : [])
        {
            try
            {
                var id = Path.GetFileName(folder);
                if (Guid.TryParseExact(id, "N", out _) && FolderHold.Read(folder) is var (key, begunAt) && key.StartsWith(prefix, StringComparison.Ordinal))
                {
                    pending.Add(new PendingMultipart(new MultipartUpload(key, id), begunAt));
                }
            }
            catch (IOException)
            {
                // It ended meanwhile.
            }
        }

        return pending;
    }

    public void Abort(MultipartUpload upload)
    {
        if (!Guid.TryParseExact(upload.Id, "N", out _))
        {
            return;
        }

        var gone = FolderOf(upload) + Gone;
        try
        {
            Disk.Guard(() => Directory.Move(FolderOf(upload), gone));
        }
        catch (DirectoryNotFoundException)
        {
            return;
        }

        Disk.SyncFolder(root);
        Remove(gone);
    }

    /// <summary>Removes what crashes left behind, and uploads that nobody added to since <paramref name="before"/>.</summary>
    public void RemoveLeftovers(DateTimeOffset before)
    {
        foreach (var folder in Directory.Exists(root) ? Directory.EnumerateDirectories(root) : [])
        {
            if (folder.EndsWith(Gone, StringComparison.Ordinal))
            {
                Remove(folder);
            }
            else if (Directory.GetLastWriteTimeUtc(folder) < before)
            {
                Abort(new MultipartUpload("", Path.GetFileName(folder)));
            }
        }
    }

    private static void Remove(string gone)
    {
        try
        {
            Directory.Delete(gone, recursive: true);
        }
        catch (IOException)
        {
            // A late writer added a file, or another process removes it, too: the next start takes what is left.
        }
    }

    private static async Task CopyAsync(
        string folder, FolderPart part, SafeFileHandle target, long offsetBytes, CancellationToken cancellationToken)
    {
        using var source = Disk.Open(Path.Combine(folder, part.File), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var range = new ByteRange(part.File == Body ? part.OffsetBytes : 0, part.Stored.SizeBytes);
        await Disk.CopyAsync(source, range, target, offsetBytes, cancellationToken);
    }

    private string FolderOf(MultipartUpload upload) => Path.Combine(root, upload.Id);

    private async Task<FolderHold> HoldAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        FolderHold? held;
        while ((held = TryHold(upload, FileShare.Read)) is null)
        {
            await Task.Delay(FolderHold.Poll, cancellationToken);
        }

        return held;
    }

    /// <summary>Holds the upload, alone with <see cref="FileShare.None"/>; <see langword="null"/> where others hold it.</summary>
    private FolderHold? TryHold(MultipartUpload upload, FileShare share)
    {
        if (!Guid.TryParseExact(upload.Id, "N", out _))
        {
            throw Unknown(upload);
        }

        try
        {
            return FolderHold.TryTake(FolderOf(upload), upload.Key, unsynced.BootId, share);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Unknown(upload, e);
        }
    }

    private List<FolderPart> ReadParts(MultipartUpload upload)
    {
        try
        {
            return FolderPart.ReadAll(FolderOf(upload));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Unknown(upload, e);
        }
    }

    private SafeFileHandle? TryClaim(MultipartUpload upload, int number)
    {
        var path = FolderPart.PathOf(FolderOf(upload), number);
        try
        {
            return File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (DirectoryNotFoundException e)
        {
            throw Unknown(upload, e);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    private static void Forget(string path)
    {
        if (File.Exists(path))
        {
            Disk.Guard(() => File.Delete(path));
        }
    }

    private static StorageException Unknown(MultipartUpload upload, Exception? inner = null) =>
        new(StorageError.MultipartNotFound, $"There is no multipart upload {upload.Id} of {upload.Key}.", inner);
}
