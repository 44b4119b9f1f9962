using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Events;

namespace Assets;

/// <summary>A site's history, event by event: who brought, activated and configured what, and when.</summary>
internal static class SiteLog
{
    private const int MostEntries = 1000;

    /// <summary>
    /// <c>GET /v1/sites/{site}/log?fromVersion=1</c>: up to 1,000 entries and the version to go on from. 404 <c>SITE_NOT_FOUND</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder sites) => sites.MapGet("/{site}/log", GetAsync);

    private static async Task<Ok<Page>> GetAsync(
        string site, EventStore store, CancellationToken cancellationToken, [FromQuery] long fromVersion = 1)
    {
        (await store.FoldAsync<Site, ISiteEvent>(site, cancellationToken)).State.MustExist(site);
        var entries = new List<Entry>();
        await foreach (var e in store.ReadAsync($"{Site.Category}-{site}", Math.Max(fromVersion, 1), cancellationToken))
        {
            if (entries.Count == MostEntries)
            {
                return TypedResults.Ok(new Page(entries, e.Version));
            }

            entries.Add(new Entry(e.Version, e.RecordedAt, e.Type, e.Payload, e.Metadata.By));
        }

        return TypedResults.Ok(new Page(entries, NextVersion: null));
    }

    private sealed record Page(IReadOnlyList<Entry> Entries, long? NextVersion);

    private sealed record Entry(long Version, DateTimeOffset At, string Event, object Details, string? By);
}
