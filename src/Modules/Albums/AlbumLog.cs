using Albums.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;

namespace Albums;

/// <summary>An album's history, event by event, for whoever asks why it is as it is.</summary>
internal static class AlbumLog
{
    private const int MostEntries = 1000;

    /// <summary>
    /// <c>GET /v1/albums/{id}/log?fromVersion=1</c>: up to 1,000 entries and the version to go on from. 404 <c>ALBUM_NOT_FOUND</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder albums) =>
        albums.MapGet("/{id}/log", GetAsync).RequireAllWeddings(); // it names keys and servers

    private static async Task<Ok<Page>> GetAsync(
        Guid id, EventStore store, CancellationToken cancellationToken, [FromQuery] long fromVersion = 1)
    {
        var album = (await store.FoldAsync<Album, IAlbumEvent>(id, cancellationToken)).State;
        if (album.Status is not AlbumStatus.Deleted) // its history is what is left of it
        {
            album.OrNotFound(id);
        }

        var entries = new List<Entry>();
        await foreach (var e in store.ReadAsync($"{Album.Category}-{id}", Math.Max(fromVersion, 1), cancellationToken))
        {
            if (entries.Count == MostEntries)
            {
                return TypedResults.Ok(new Page(entries, e.Version));
            }

            entries.Add(new Entry(e.Version, e.RecordedAt, e.Type, WithoutSecrets(e.Payload), e.Metadata.By));
        }

        return TypedResults.Ok(new Page(entries, NextVersion: null));
    }

    // A log is passed around; the couple's addresses are not, and neither are the tokens in URLs and what exceptions say of our servers.
    internal static object WithoutSecrets(object payload) => payload switch
    {
        AlbumRequested requested => requested with
        {
            Emails = [.. requested.Emails.Select(_ => "…")],
            WebhookUrl = requested.WebhookUrl is null ? null : "…",
            Files = [.. requested.Files.Select(file => file with { Url = file.Url is { } url ? $"{new Uri(url).GetLeftPart(UriPartial.Authority)}/…" : null })],
        },
        AlbumFailed failed => failed with { Detail = AlbumFailure.Of(failed.Reason).Detail },
        _ => payload,
    };

    private sealed record Page(IReadOnlyList<Entry> Entries, long? NextVersion);

    private sealed record Entry(long Version, DateTimeOffset At, string Event, object Details, string? By);
}
