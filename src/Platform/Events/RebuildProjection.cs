using Platform.Jobs;

namespace Platform.Events;

/// <summary>Fills a projection anew, see <see cref="Subscriptions.RebuildAsync"/>, in a job. Repeating it rebuilds once more.</summary>
public sealed record RebuildProjection(string Subscription);

internal sealed class RebuildProjectionHandler(Subscriptions subscriptions) : IJob<RebuildProjection>
{
    public async Task RunAsync(RebuildProjection command, CancellationToken cancellationToken)
    {
        try
        {
            await subscriptions.RebuildAsync(command.Subscription, cancellationToken);
        }
        catch (CommandRefusedException)
        {
            // Another one runs, or the name was never a projection's: trying again changes neither.
        }
    }

    public Task GaveUpAsync(RebuildProjection command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;
}
