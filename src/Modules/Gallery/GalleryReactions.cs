using Npgsql;
using Platform.Events;
using Platform.Jobs;
using Uploads.Contracts;

namespace Gallery;

/// <summary>Queues what follows when a file is taken back.</summary>
internal sealed class GalleryReactions(JobQueue jobs) : ISubscription
{
    public string Name => "gallery_reactions";

    public IReadOnlyCollection<Type> Handles { get; } = [typeof(UploadWithdrawn)];

    public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken) => e.Payload is UploadWithdrawn { WeddingId: { } wedding } file
        ? jobs.EnqueueAsync($"discard_thumbnail/{file.UploadId}", new DiscardThumbnail(wedding, file.UploadId), transaction, cancellationToken)
        : Task.CompletedTask;
}
