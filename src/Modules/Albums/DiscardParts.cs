using Platform.Events;
using Platform.Jobs;
using Platform.Storage;

namespace Albums;

/// <summary>
/// Removes what a cancelled album left in the store: the parts of its open upload, plans, and a ZIP that was completed as the album was
/// cancelled. Safe to repeat.
/// </summary>
internal sealed record DiscardParts(Guid AlbumId);

internal sealed class DiscardPartsHandler(EventStore store, IObjectStorage storage) : IJob<DiscardParts>
{
    public async Task RunAsync(DiscardParts command, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(command.AlbumId, cancellationToken)).State;
        if (album.Status is not AlbumStatus.Cancelled)
        {
            return;
        }

        // Aborted first: from then on no worker can complete it.
        if (album.Upload is { } upload)
        {
            await storage.AbortMultipartAsync(new MultipartUpload(upload.Key, upload.UploadId), cancellationToken);
        }

        var left = await storage.ListAsync($"{AlbumContents.OwnFolder}{command.AlbumId}/", continuation: null, cancellationToken);
        foreach (var stored in left.Objects)
        {
            await storage.DeleteAsync(stored.Key, cancellationToken);
        }
    }

    /// <summary>The store forgets an upload by itself in time (R2 after 7 days); there is nobody who waits for it.</summary>
    public Task GaveUpAsync(DiscardParts command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;
}
