using Npgsql;
using Platform.Events;
using Platform.Jobs;
using Uploads.Contracts;

namespace Uploads;

/// <summary>
/// Queues the reading of each file that went past this product, and a message for each upload that completes. Those that completed while there was
/// no receiver are not told later.
/// </summary>
internal sealed class UploadReactions(JobQueue jobs, UploadWebhookOptions options) : ISubscription
{
    public string Name => "upload_reactions";

    public IReadOnlyCollection<Type> Handles { get; } = [typeof(UploadStored), typeof(UploadCompleted)];

    public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken) => e.Payload switch
    {
        UploadStored => jobs.EnqueueAsync(
            $"verify_upload/{e.StreamId}", new VerifyUpload(Guid.Parse(e.StreamId)), transaction, cancellationToken),
        UploadCompleted completed when options.Url is not null => jobs.EnqueueAsync(
            $"send_upload_webhook/{completed.UploadId}/{e.Version}",
            new SendUploadWebhook(completed.UploadId, e.Version),
            transaction,
            cancellationToken),
        _ => Task.CompletedTask,
    };
}
