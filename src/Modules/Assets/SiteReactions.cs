using Npgsql;
using Platform.Events;
using Platform.Jobs;

namespace Assets;

/// <summary>Queues the work that follows from a site's events.</summary>
internal sealed class SiteReactions(JobQueue jobs) : ISubscription
{
    public string Name => "site_reactions";

    public IReadOnlyCollection<Type> Handles { get; } = [typeof(PublicationStarted)];

    public Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken) => jobs.EnqueueAsync(
        $"publish_release/{e.StreamId}/{e.Version}",
        new PublishRelease(e.StreamId, ((PublicationStarted)e.Payload).Environment.Name),
        transaction,
        cancellationToken);
}
