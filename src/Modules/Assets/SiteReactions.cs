using Npgsql;
using Platform.Events;
using Platform.Jobs;

namespace Assets;

/// <summary>Queues the work that follows from a site's events.</summary>
internal sealed class SiteReactions(JobQueue jobs) : ISubscription
{
    public string Name => "site_reactions";

    public IReadOnlyCollection<Type> Handles { get; } = [typeof(PublicationStarted), typeof(ReleaseActivated), typeof(AlertRaised)];

    public async Task HandleAsync(RecordedEvent e, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        switch (e.Payload)
        {
            case PublicationStarted started:
                await QueueAsync("publish_release", new PublishRelease(e.StreamId, started.Environment.Name));
                break;
            case ReleaseActivated activated:
                await QueueAsync("purge_paths", new PurgePaths(e.StreamId, e.Version));
                await QueueAsync("check_public_url", new CheckPublicUrl(e.StreamId, activated.Environment, activated.Release));
                break;
            case AlertRaised:
                await QueueAsync("send_site_alert", new SendSiteAlert(e.StreamId, e.Version));
                break;
        }

        Task QueueAsync<TCommand>(string kind, TCommand command)
            where TCommand : notnull => jobs.EnqueueAsync($"{kind}/{e.StreamId}/{e.Version}", command, transaction, cancellationToken);
    }
}
