using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Platform.Accounts;
using Platform.Events;
using Weddings.Contracts;
using Xunit;

namespace Portal.Tests;

/// <summary>What a page of the showcase is about.</summary>
internal sealed record Shown(Guid Completed, Guid Failed, string WeddingId, string CouplePath, string GuestPath);

/// <summary>A host that has some of everything: what pages look like in use.</summary>
public sealed class ShowcaseHost : PortalHost
{
    private Task<Shown>? filled;
    private Task? packing;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Fills it, once. The first admin has signed in before.</summary>
    internal Task<Shown> FillAsync() => filled ??= FillOnceAsync();

    /// <summary>Begins albums that are packed for some time, once.</summary>
    internal Task PackLargeAlbumsAsync() => packing ??= PackOnceAsync();

    private async Task PackOnceAsync()
    {
        using var client = CreateClient();
        await this.AlbumOfThreeVolumesAsync("novak-horak"); // its film is what the others are made of
        foreach (var weddingId in (string[])["priya-raj", "mueller-schmidt", "garcia-rossi"])
        {
            var files = Enumerable.Range(1, 80).Select(i => new { key = "novak-horak/film.mp4", name = $"{i}.mp4" });
            using var requested = await client.PostAsJsonAsync("/v1/albums", new { weddingId, files }, Cancellation);
            requested.EnsureSuccessStatusCode();
        }
    }

    private async Task<Shown> FillOnceAsync()
    {
        using var client = CreateClient();
        var couple = await this.LinkAsync("anna-ben", LinkKind.Couple);
        var guest = await this.LinkAsync("anna-ben", LinkKind.Guest);
        foreach (var (i, sender) in ((string[])["Aunt Zoë", "Tom", "Tom", "Mia & Jo", "Mia & Jo", "Grandpa"]).Index())
        {
            await this.SendPhotoAsync("anna-ben", 5001 + i, sender);
        }

        await BeginUploadAsync(client, "anna-ben", "first-dance.mp4");
        await SyncAsync(client, "studio");
        await SyncAsync(client, "shop");
        await MakeKeysAsync();
        await InviteAsync("vera@example.com");
        var shown = new Shown(
            await this.CompletedAlbumAsync("anna-ben", files: 12), await this.FailedAlbumAsync("kim-lee"), "anna-ben", couple, guest);
        await SpendAsync();
        foreach (var readModel in (string[])["albums", "uploads", "weddings"])
        {
            await Services.GetRequiredService<Subscriptions>().CatchUpAsync(readModel, Cancellation);
        }

        return shown;
    }

    private static async Task BeginUploadAsync(HttpClient client, string weddingId, string fileName)
    {
        using var begun = await client.PostAsJsonAsync(
            "/v1/uploads/init", new { fileName, contentType = "video/mp4", sizeBytes = 400_000_000, userRole = "subscriber", userId = "guest-1", weddingId }, Cancellation);
        begun.EnsureSuccessStatusCode();
    }

    // Two releases, the first of them for a rollback.
    private static async Task SyncAsync(HttpClient client, string site)
    {
        using var registered = await client.PostAsJsonAsync("/v1/sites", new { name = site }, Cancellation);
        registered.EnsureSuccessStatusCode();
        foreach (var text in (string[])["<!doctype html><title>One</title>", "<!doctype html><title>Two</title>"])
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            var sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
            var files = new[] { new { path = "index.html", sha256, sizeBytes = bytes.Length, contentType = "text/html" } };
            using var begun = await client.PostAsJsonAsync($"/v1/sites/{site}/syncs", new { environment = "production", files }, Cancellation);
            var plan = await begun.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Cancellation);
            var sync = $"/v1/sites/{site}/syncs/{plan.GetProperty("syncId").GetString()}";
            using var body = new ByteArrayContent(bytes);
            using var stored = await client.PutAsync($"{sync}/objects/{plan.GetProperty("missing")[0].GetString()}", body, Cancellation);
            stored.EnsureSuccessStatusCode();
            using var committed = await client.PostAsync($"{sync}/commit", content: null, Cancellation);
            committed.EnsureSuccessStatusCode();
        }
    }

    private async Task MakeKeysAsync()
    {
        var keys = Services.GetRequiredService<ApiKeys>();
        await keys.CreateAsync("frontend", ["uploads", "albums:read"], "ann", expiresAt: null, Cancellation);
        var former = await keys.CreateAsync("former build server", ["sites:studio"], "ann", expiresAt: null, Cancellation);
        await keys.RevokeAsync(former.Id, "ann", Cancellation);
    }

    private async Task InviteAsync(string email)
    {
        var token = await this.InviteAsync(role: AccountRoles.Viewer);
        await using var scope = Services.CreateAsyncScope();
        Assert.True((await scope.ServiceProvider.GetRequiredService<Invitations>().RedeemAsync(token, email, Password, Cancellation)).Succeeded);
    }

    // What a month of a small studio costs, as its events would have been priced.
    private async Task SpendAsync()
    {
        await using var database = NpgsqlDataSource.Create(Database);
        await using var insert = database.CreateCommand("""
            insert into costs.day
            select day, module, wedding, site, '', 40000 + 9000 * n, 300000 + 40000 * n, 0, 4000000000, 9000000000, 900000000::bigint * n, 700000000000 + 20000000000 * n,
                0.288 + 0.0549 * n, 0, 0.0027 * n, 0.35 + 0.01 * n, 0
            from (select d::date as day, extract(day from d)::int % 7 + extract(day from d)::int / 3 as n
                from generate_series(date_trunc('month', now()), now(), interval '1 day') d) days
            cross join (values ('albums', 'anna-ben', ''), ('albums', 'kim-lee', ''), ('uploads', 'anna-ben', ''), ('sites', '', 'studio')) a (module, wedding, site)
            on conflict do nothing
            """);
        await insert.ExecuteNonQueryAsync(Cancellation);
    }
}
