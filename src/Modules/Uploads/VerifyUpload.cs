using System.Buffers;
using Platform.Costs;
using Platform.Events;
using Platform.Jobs;
using Platform.Storage;

namespace Uploads;

/// <summary>
/// Reads a file that went past this product to the store, for its CRC-32: only then it counts. Safe to repeat; the object cannot change
/// unnoticed, for it is read by its ETag.
/// </summary>
internal sealed record VerifyUpload(Guid UploadId);

internal sealed class VerifyUploadHandler(EventStore events, IObjectStorage storage, MediaReader media, UsageLedger usage, TimeProvider clock) : IJob<VerifyUpload>
{
    /// <summary>After so long the sweep does it, too: the job has given up, or there was none.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    private const int BlockBytes = 256 * 1024;

    public async Task RunAsync(VerifyUpload command, CancellationToken cancellationToken)
    {
        var upload = (await events.FoldAsync<Upload, IUploadEvent>(command.UploadId, cancellationToken)).State;
        if (upload.Status is not UploadStatus.Verifying)
            return;
        using var charged = usage.Charge(upload.Account);
        IUploadEvent found;
        try
        {
            var crc32 = await ReadAsync(upload, cancellationToken);
            var stored = new StoredObject(upload.Session.Key, upload.Session.SizeBytes, upload.Object!.ETag, clock.GetUtcNow());
            found = upload.CompletedAs(stored.ETag, crc32, clock.GetUtcNow()) with { Media = await media.ReadAsync(stored, upload.Session.ContentType) };
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound or StorageError.PreconditionFailed)
        {
            found = new UploadLost(clock.GetUtcNow());
        }

        await events.DecideAsync<Upload, IUploadEvent>(
            command.UploadId, upload => upload.Status is UploadStatus.Verifying ? [found] : [], cancellationToken);
    }

    /// <summary>Nothing is lost: the sweep tries again.</summary>
    public Task GaveUpAsync(VerifyUpload command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task<uint> ReadAsync(Upload upload, CancellationToken cancellationToken)
    {
        await using var body = await storage.ReadAsync(upload.Session.Key, range: null, upload.Object!.ETag, cancellationToken);
        var block = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            var crc32 = 0u;
            for (int read; (read = await body.ReadAsync(block, cancellationToken)) > 0;)
            {
                crc32 = Crc32.Append(crc32, block.AsSpan(0, read));
            }

            return crc32;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }
}
