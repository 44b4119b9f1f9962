// The tail of an upload, under tail/{uploadId}/: the bytes behind its last whole part.
//
//   tail/{uploadId}/{piece}     one piece, written once; {piece} is a new id each time
//
// A piece counts from the moment a TailKept event names it, its bytes being safe before; pieces that no event names any more are deleted
// after the event that replaced them. So a crash at any point leaves at most objects that nobody reads, which go with the upload: all of its
// folder is deleted before it is complete, and when it is aborted or expires.
//
// A new piece takes up pieces before it as long as they are not more than twice as large as what it has by then. So from one piece to the
// next sizes fall by more than half, and a part of 8 MiB has at most 24; and whenever a byte is written again its piece has grown by half, so
// that happens at most 40 times, however small the appends are.

using System.Buffers;
using Platform.Storage;

namespace Uploads;

/// <summary>Keeps what does not fill a part yet in objects of its own.</summary>
internal sealed class TailStore(IObjectStorage storage, TimeProvider clock)
{
    private const string MediaType = "application/octet-stream";

    private const int BlockBytes = 128 * 1024;

    /// <summary>The pieces that a new piece of a size takes up.</summary>
    public static IReadOnlyList<TailKept> TakenUpBy(IReadOnlyList<TailKept> tail, long sizeBytes)
    {
        var first = tail.Count;
        while (first > 0 && tail[first - 1].SizeBytes <= 2 * sizeBytes)
        {
            sizeBytes += tail[--first].SizeBytes;
        }

        return [.. tail.Skip(first)];
    }

    /// <summary>Stores a piece. It counts once the event is recorded.</summary>
    /// <param name="offsetBytes">In the file.</param>
    public async Task<TailKept> KeepAsync(
        Guid uploadId, long offsetBytes, long sizeBytes, uint crc32, Stream body, CancellationToken cancellationToken)
    {
        var key = $"{FolderOf(uploadId)}{Guid.CreateVersion7():N}";
        var stored = await storage.PutAsync(key, body, sizeBytes, MediaType, cancellationToken);
        return new TailKept(offsetBytes, sizeBytes, crc32, key, stored.ETag, clock.GetUtcNow());
    }

    /// <summary>Copies a piece to its place in a part.</summary>
    /// <exception cref="StorageException">NotFound or PreconditionFailed where its bytes are not there any more.</exception>
    public async Task LoadAsync(TailKept piece, PartBuffer part, long partOffsetBytes, CancellationToken cancellationToken)
    {
        await using var body = await storage.ReadAsync(piece.Key, range: null, piece.ETag, cancellationToken);
        var block = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            var (loaded, crc32) = (0L, 0u);
            for (int read; (read = await body.ReadAsync(block, cancellationToken)) > 0; loaded += read)
            {
                part.Write(piece.OffsetBytes - partOffsetBytes + loaded, new ReadOnlySequence<byte>(block, 0, read));
                crc32 = Crc32.Append(crc32, block.AsSpan(0, read));
            }

            if (loaded != piece.SizeBytes || crc32 != piece.Crc32)
            {
                throw new StorageException(StorageError.PreconditionFailed, $"{piece.Key} is not what was stored.");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    /// <summary>Deletes pieces that no event names. What fails is left to <see cref="DeleteAllAsync"/>.</summary>
    public async Task DeleteAsync(IEnumerable<TailKept> pieces, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var piece in pieces)
            {
                await storage.DeleteAsync(piece.Key, cancellationToken);
            }
        }
        catch (Exception e) when (e is StorageException or OperationCanceledException)
        {
            // They cost a little space until the upload ends.
        }
    }

    /// <summary>Deletes all pieces, also those a crash left behind.</summary>
    public static async Task DeleteAllAsync(IObjectStorage storage, Upload upload, CancellationToken cancellationToken)
    {
        if (upload.Appended is not { MayLeaveTails: true })
            return;

        string? page = null;
        do
        {
            var left = await storage.ListAsync(FolderOf(upload.Session.UploadId), page, cancellationToken);
            foreach (var piece in left.Objects)
            {
                await storage.DeleteAsync(piece.Key, cancellationToken);
            }

            page = left.Continuation;
        }
        while (page is not null);
    }

    private static string FolderOf(Guid uploadId) => $"tail/{uploadId:N}/";
}
