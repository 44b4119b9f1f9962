using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Costs;
using Platform.Events;
using Platform.Settings;

namespace Assets;

/// <summary>What a build server says of a run that ended. Safe to repeat: a run is reported once.</summary>
/// <param name="Failure">Why nothing was committed; <see langword="null"/> where it was.</param>
/// <param name="FailedUploads">Attempts that failed, also where the next one did not.</param>
internal sealed record ReportSync(double Seconds, int UploadedObjects, long UploadedBytes, int FailedUploads, string? Failure = null);

internal static class ReportSyncHandler
{
    private const int LongestFailure = 300;

    /// <summary>
    /// <c>POST /v1/sites/{site}/syncs/{id}/report</c>. 204; 400 <c>INVALID_REQUEST</c>; 404 <c>SYNC_NOT_FOUND</c>; 409 <c>SYNC_SUPERSEDED</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder sites) => sites.MapPost("/{site}/syncs/{id}/report", PostAsync);

    internal static async Task<NoContent> PostAsync(
        string site, Guid id, ReportSync command, EventStore store, LiveSettings<CostSettings> costs, TimeProvider clock, CancellationToken cancellationToken)
    {
        await store.DecideAsync<Site, ISiteEvent>(site, state => Decide(state, id, command, costs.Current.Sheet, clock.GetUtcNow()), cancellationToken);
        return TypedResults.NoContent();
    }

    internal static IReadOnlyList<ISiteEvent> Decide(Site site, Guid syncId, ReportSync command, PriceSheet prices, DateTimeOffset now)
    {
        if (command is not { Seconds: >= 0, UploadedObjects: >= 0, UploadedBytes: >= 0, FailedUploads: >= 0 } || !double.IsFinite(command.Seconds))
        {
            throw new CommandRefusedException("INVALID_REQUEST", "A run takes time and counts what it did: nothing below zero.");
        }

        var release = site.ReleaseBy(syncId);
        var environment = release?.Environment ?? site.SyncOf(syncId).Environment;
        var failure = command.Failure?[..Math.Min(command.Failure.Length, LongestFailure)];
        var reported = new SyncReported(
            syncId, environment, release?.Number, command.Seconds, command.UploadedObjects, command.UploadedBytes, command.FailedUploads, failure, now)
        {
            Cost = SyncCost.Of(prices, command.UploadedObjects, command.UploadedBytes),
        };

        // One that failed is reported again when the next run, which goes on with it, has ended.
        if (site.Runs.LastOrDefault(run => run.SyncId == syncId) is { } last && (last.Release is not null || last with { At = now } == reported))
        {
            return [];
        }

        var attempts = (long)command.UploadedObjects + command.FailedUploads;
        var mostErrors = site.Environments[environment].Alerts.UploadErrorPercent;
        List<ISiteEvent> events = [reported];
        if (failure is not null)
        {
            events.Add(new AlertRaised(environment, AlertRaised.SyncFailed, failure, syncId, release?.Number, now));
        }

        if (command.FailedUploads * 100.0 > mostErrors * attempts)
        {
            events.Add(new AlertRaised(
                environment, AlertRaised.UploadErrors, $"{command.FailedUploads} of {attempts} uploads failed; {mostErrors} % may.", syncId, release?.Number, now));
        }

        return events;
    }
}
