using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Platform.Accounts;
using Platform.Storage;
using Weddings.Contracts;
using Xunit;

namespace Portal.Tests;

/// <summary>Albums as guests and frontends make them, through the HTTP API.</summary>
internal static class Wedding
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>An album of files that lie in the store, complete.</summary>
    internal static async Task<Guid> CompletedAlbumAsync(this PortalHost host, string weddingId, int files = 3)
    {
        var storage = host.Services.GetRequiredService<IObjectStorage>();
        for (var i = 0; i < files; i++)
        {
            var bytes = new byte[100_000];
            Random.Shared.NextBytes(bytes);
            await using var body = new BufferBody(bytes, Crc32.Append(0, bytes));
            await storage.PutAsync($"{weddingId}/IMG_{4000 + i}.jpg", body, bytes.Length, "image/jpeg", Cancellation);
        }

        return await host.RequestAlbumAsync(new { weddingId, prefix = $"{weddingId}/" });
    }

    /// <summary>An album of which every file is missing: it fails.</summary>
    internal static Task<Guid> FailedAlbumAsync(this PortalHost host, string weddingId) =>
        host.RequestAlbumAsync(new { weddingId, files = new[] { new { key = $"{weddingId}/not-there.jpg" } } });

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

    private static async Task<Guid> RequestAlbumAsync(this PortalHost host, object request)
    {
        using var client = host.CreateClient();
        using var requested = await client.PostAsJsonAsync("/v1/albums", request, Cancellation);
        var album = requested.EnsureSuccessStatusCode().Headers.Location!.OriginalString;
        await client.GetStringAsync($"{album}/progress", Cancellation); // ends with the album
        var view = await client.GetFromJsonAsync<JsonElement>(album, Cancellation);
        return view.GetProperty("albumId").GetGuid();
    }
}
