using Platform.Events;
using Platform.Jobs;
using Platform.Storage;

namespace Albums;

/// <summary>
/// Removes what an album needs no more: parts of uploads that others took the place of, and ZIPs that later editions did; of an album that leaves nothing all
/// that it has in the store. Safe to repeat, and repeated by every worker when its attempt is over, since what it sent last may have
/// come after the first removal.
/// </summary>
internal sealed record DiscardAlbum(Guid AlbumId);

internal sealed class DiscardAlbumHandler(EventStore store, IObjectStorage storage) : IJob<DiscardAlbum>
{
    /// <summary>Tried for a week: then the store has forgotten open uploads by itself.</summary>
    internal static JobRetry Retry { get; } = new(Attempts: 180, TimeSpan.FromSeconds(5), TimeSpan.FromHours(1));

    public async Task RunAsync(DiscardAlbum command, CancellationToken cancellationToken)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(command.AlbumId, cancellationToken)).State;

        // Aborted first: from then on no worker can complete one.
        foreach (var upload in album is { LeavesNothing: true, Upload: { } last } ? album.Abandoned.Add(last) : album.Abandoned)
        {
            await storage.AbortMultipartAsync(new MultipartUpload(upload.Key, upload.UploadId), cancellationToken);
        }

        foreach (var key in album.Superseded)
        {
            await storage.DeleteAsync(key, cancellationToken);
        }

        if (album.LeavesNothing)
        {
            var folder = $"{AlbumContents.OwnFolder}{command.AlbumId}/";
            await AbortAllAsync(folder, cancellationToken);
            await DeleteAllAsync(folder, cancellationToken);
        }
    }

    /// <summary>Nobody needs it any more in any case; that something of it is left is seen in the job's log.</summary>
    public Task GaveUpAsync(DiscardAlbum command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;

    // Also those that a worker began and died before it could record them.
    private async Task AbortAllAsync(string folder, CancellationToken cancellationToken)
    {
        string? continuation = null;
        do
        {
            var page = await storage.ListMultipartsAsync(folder, continuation, cancellationToken);
            foreach (var pending in page.Uploads)
            {
                await storage.AbortMultipartAsync(pending.Upload, cancellationToken);
            }

            continuation = page.Continuation;
        }
        while (continuation is not null);
    }

    private async Task DeleteAllAsync(string folder, CancellationToken cancellationToken)
    {
        string? continuation = null;
        do
        {
            var page = await storage.ListAsync(folder, continuation, cancellationToken);
            foreach (var stored in page.Objects)
            {
                await storage.DeleteAsync(stored.Key, cancellationToken);
            }

            continuation = page.Continuation;
        }
        while (continuation is not null);
    }
}
