using Microsoft.Extensions.Logging;
using Platform.Costs;
using Platform.Events;
using Platform.Jobs;
using Platform.Storage;

namespace Gallery;

/// <summary>Deletes the thumbnail of a photo that was taken back, and sees to it that none is made any more. Safe to repeat.</summary>
internal sealed record DiscardThumbnail(string WeddingId, Guid PhotoId);

internal sealed class DiscardThumbnailHandler(
    EventStore store, IObjectStorage storage, UsageLedger usage, TimeProvider clock, ILogger<DiscardThumbnailHandler> log) : IJob<DiscardThumbnail>
{
    public async Task RunAsync(DiscardThumbnail command, CancellationToken cancellationToken)
    {
        // The event goes first: whoever is about to store one finds it, and deletes it again.
        var withdrawn = new PhotoWithdrawn(clock.GetUtcNow());
        await store.DecideAsync<PhotoThumbnail, IPhotoEvent>(command.PhotoId, photo => PhotoThumbnail.Decide(photo, withdrawn), cancellationToken);
        using var charged = usage.Charge(GalleryModule.AccountOf(command.WeddingId));
        await storage.DeleteAsync(GalleryModule.KeyOf(command.WeddingId, command.PhotoId), cancellationToken);
    }

    public Task GaveUpAsync(DiscardThumbnail command, Exception error, CancellationToken cancellationToken)
    {
        log.ThumbnailNotDiscarded(error, command.PhotoId);
        return Task.CompletedTask;
    }
}
