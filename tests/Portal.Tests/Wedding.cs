using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Platform.Accounts;
using Platform.Events;
using Platform.Storage;
using Testing;
using Weddings.Contracts;
using Xunit;

namespace Portal.Tests;

/// <summary>Albums as guests and frontends make them, through the HTTP API.</summary>
internal static class Wedding
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>An album of files that lie in the store, complete.</summary>
    internal static async Task<Guid> CompletedAlbumAsync(this PortalHost host, string weddingId, int files = 3, string[]? emails = null)
    {
        for (var i = 0; i < files; i++)
        {
            await host.StoreAsync($"{weddingId}/IMG_{4000 + i}.jpg", 100_000);
        }

        return await host.RequestAlbumAsync(new { weddingId, prefix = $"{weddingId}/", notify = new { emails = emails ?? [] } });
    }

    /// <summary>An album of three films, each a ZIP of its own.</summary>
    internal static async Task<Guid> AlbumOfThreeVolumesAsync(this PortalHost host, string weddingId)
    {
        var key = $"{weddingId}/film.mp4";
        await host.StoreAsync(key, 60_000_000);
        return await host.RequestAlbumAsync(
            new { weddingId, files = Enumerable.Range(1, 3).Select(i => new { key, name = $"{i}.mp4" }), maxVolumeBytes = 100_000_000 });
    }

    /// <summary>An album of what guests have sent, which nobody waits for.</summary>
    internal static async Task<Guid> BeginAlbumAsync(this PortalHost host, string weddingId)
    {
        using var client = host.CreateClient();
        using var requested = await client.PostAsJsonAsync("/v1/albums", new { weddingId }, Cancellation);
        var album = (await requested.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("albumId").GetGuid();
        await host.CatchUpOnAlbumsAsync();
        return album;
    }

    internal static async Task<string?> StatusOfAsync(this PortalHost host, Guid album)
    {
        using var client = host.CreateClient();
        return (await client.GetFromJsonAsync<JsonElement>($"/v1/albums/{album}", Cancellation)).GetProperty("status").GetString();
    }

    /// <summary>The path of the link in the mail to a couple that wants to sign in, once it is there.</summary>
    internal static async Task<string> MailedSignInAsync(this PortalHost host) =>
        Regex.Match(await host.MailAsync("*.eml"), "/couple/sign-in/[A-Za-z0-9_-]+").Value;

    /// <summary>An album of what guests have sent, planned by whoever downloads it first.</summary>
    internal static async Task<Guid> DownloadedAlbumAsync(this PortalHost host, string weddingId)
    {
        using var client = host.CreateClient();
        var id = await host.BeginAlbumAsync(weddingId);
        using var zip = await client.GetAsync(new Uri($"/v1/albums/{id}/download", UriKind.Relative), Cancellation);
        zip.EnsureSuccessStatusCode();
        return id;
    }

    /// <summary>An album of which every file is missing: it fails.</summary>
    internal static Task<Guid> FailedAlbumAsync(this PortalHost host, string weddingId) =>
        host.RequestAlbumAsync(new { weddingId, files = new[] { new { key = $"{weddingId}/not-there.jpg" } } });

    /// <summary>Albums that failed, as their events say: requesting so many one by one would take minutes.</summary>
    internal static async Task FailedAlbumsAsync(this PortalHost host, string weddingId, int count)
    {
        await using var database = NpgsqlDataSource.Create(host.Database);
        await using var insert = database.CreateCommand("""
            with album as (select gen_random_uuid() as id from generate_series(1, $2)),
            stream as (
                insert into mt_streams (id, type, version, timestamp, created)
                select 'album-' || id, 'album', 2, now(), now() from album returning id),
            event as (
                select s.id as stream_id, v.version, v.type, v.data from stream s cross join (values
                    (1, 'album_requested', jsonb_build_object('WeddingId', $1, 'Files', '[]'::jsonb, 'Prefix', $1 || '/', 'Emails', '[]'::jsonb, 'At', now())),
                    (2, 'album_failed', jsonb_build_object('Reason', 'NO_FILES', 'Detail', '', 'At', now()))) v (version, type, data))
            insert into mt_events (seq_id, id, stream_id, version, data, type, timestamp)
            select nextval('mt_events_sequence'), gen_random_uuid(), stream_id, version, data, type, now() from (select * from event order by version) e
            """);
        insert.Parameters.Add(new() { Value = weddingId });
        insert.Parameters.Add(new() { Value = count });
        await insert.ExecuteNonQueryAsync(Cancellation);
    }

    internal static async Task<long> ReplayedAlbumsAsync(this PortalHost host)
    {
        await using var database = NpgsqlDataSource.Create(host.Database);
        await using var count = database.CreateCommand("select count(*) from mt_events where type = 'album_replayed'");
        return (long)(await count.ExecuteScalarAsync(Cancellation))!;
    }

    /// <summary>A photo as a guest sends it.</summary>
    /// <returns>The id of the upload.</returns>
    internal static async Task<Guid> SendPhotoAsync(
        this PortalHost host, string weddingId, int number, string? guestName = null, string? withdrawToken = null)
    {
        await using var photo = SampleMedia.OpenPhoto(number, 800, 600, noise: 12);
        var bytes = new byte[photo.Length];
        await photo.ReadExactlyAsync(bytes, Cancellation);
        return await host.SendFileAsync(weddingId, $"IMG_{number}.jpg", "image/jpeg", bytes, guestName, withdrawToken);
    }

    internal static async Task<Guid> SendFileAsync(
        this PortalHost host, string weddingId, string fileName, string contentType, byte[] bytes, string? guestName = null, string? withdrawToken = null)
    {
        using var client = host.CreateClient();
        var begun = await PostAsync(
            "init",
            new { fileName, contentType, sizeBytes = bytes.Length, userRole = "subscriber", userId = "guest-1", weddingId, guestName, withdrawToken });
        var id = begun.GetProperty("uploadId").GetGuid();
        using var put = new HttpRequestMessage(HttpMethod.Put, $"/v1/uploads/{id}/chunk") { Content = new ByteArrayContent(bytes) };
        put.Headers.Add("X-Chunk-Index", "0");
        using var chunk = await client.SendAsync(put, Cancellation);
        var etag = (await chunk.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("etag").GetString();
        await PostAsync($"{id}/complete", new { parts = new[] { new { chunkIndex = 0, etag } } });
        await host.Services.GetRequiredService<Subscriptions>().CatchUpAsync("gallery", Cancellation);
        return id;

        async Task<JsonElement> PostAsync(string path, object body)
        {
            using var answer = await client.PostAsJsonAsync($"/v1/uploads/{path}", body, Cancellation);
            return await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        }
    }

    /// <summary>What has arrived of a wedding, as the API lists it.</summary>
    internal static async Task<List<JsonElement>> CompletedUploadsAsync(this PortalHost host, string weddingId) =>
        [.. (await host.UploadsAsync(weddingId)).Where(upload => upload.GetProperty("status").GetString() == "completed")];

    /// <summary>What was begun of a wedding.</summary>
    internal static async Task<List<JsonElement>> UploadsAsync(this PortalHost host, string weddingId)
    {
        await host.Services.GetRequiredService<Subscriptions>().CatchUpAsync("uploads", Cancellation);
        using var client = host.CreateClient();
        var list = await client.GetFromJsonAsync<JsonElement>($"/v1/uploads?weddingId={weddingId}", Cancellation);
        return [.. list.GetProperty("uploads").EnumerateArray()];
    }

    internal static async Task WithdrawAsync(this PortalHost host, Guid uploadId, string token)
    {
        using var client = host.CreateClient();
        using var answer = await client.PostAsJsonAsync($"/v1/uploads/{uploadId}/withdraw", new { token }, Cancellation);
        answer.EnsureSuccessStatusCode();
        await host.Services.GetRequiredService<Subscriptions>().CatchUpAsync("gallery", Cancellation);
    }

    /// <returns>The path of a link to the wedding, which is registered where it is not yet.</returns>
    internal static async Task<string> LinkAsync(this PortalHost host, string weddingId, LinkKind kind)
    {
        var weddings = host.Services.GetRequiredService<IWeddings>();
        await weddings.RegisterAsync(new RegisterWedding(weddingId, "Anna & Ben", new DateOnly(2026, 6, 20), "Europe/Vienna"), Cancellation);
        return new Uri((await weddings.IssueLinkAsync(weddingId, new IssueLink(kind), "ann", Cancellation)).Url).AbsolutePath;
    }

    internal static async Task RevokeLinksAsync(this PortalHost host, string weddingId)
    {
        var weddings = host.Services.GetRequiredService<IWeddings>();
        foreach (var link in (await weddings.FindAsync(weddingId, Cancellation))!.Links)
        {
            await weddings.RevokeLinkAsync(weddingId, link.LinkId, "ann", Cancellation);
        }
    }

    /// <returns>The token of an invitation.</returns>
    internal static async Task<string> InviteAsync(this PortalHost host, string role)
    {
        await using var scope = host.Services.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<Invitations>().CreateAsync(role, "ann", Cancellation);
    }

    private static async Task StoreAsync(this PortalHost host, string key, int sizeBytes)
    {
        var bytes = new byte[sizeBytes];
        Random.Shared.NextBytes(bytes);
        await using var body = new BufferBody(bytes, Crc32.Append(0, bytes));
        await host.Services.GetRequiredService<IObjectStorage>().PutAsync(key, body, bytes.Length, "application/octet-stream", Cancellation);
    }

    // A couple's page looks for its album once, in a list that follows the log.
    private static Task CatchUpOnAlbumsAsync(this PortalHost host) => host.Services.GetRequiredService<Subscriptions>().CatchUpAsync("albums", Cancellation);

    private static async Task<Guid> RequestAlbumAsync(this PortalHost host, object request)
    {
        using var client = host.CreateClient();
        using var requested = await client.PostAsJsonAsync("/v1/albums", request, Cancellation);
        var album = requested.EnsureSuccessStatusCode().Headers.Location!.OriginalString;
        await client.GetStringAsync($"{album}/progress", Cancellation); // ends with the album
        await host.CatchUpOnAlbumsAsync();
        var view = await client.GetFromJsonAsync<JsonElement>(album, Cancellation);
        return view.GetProperty("albumId").GetGuid();
    }
}
