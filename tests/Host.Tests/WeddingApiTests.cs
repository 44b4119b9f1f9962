using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Platform.Accounts;
using Platform.Storage;
using Testing;
using Weddings.Contracts;
using Xunit;

namespace Host.Tests;

/// <summary>What guests, couples and others reach of a closed API, on two nodes.</summary>
public sealed class WeddingApiTests : IAsyncLifetime
{
    private readonly WebHost host = new();
    private WebApplicationFactory<Program> node = null!;
    private WebApplicationFactory<Program> other = null!;
    private HttpClient admin = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await host.InitializeAsync();
        node = host.WithWebHostBuilder(builder => builder.UseSetting("Auth:AnonymousApi", "false"));
        other = host.WithWebHostBuilder(builder => builder.UseSetting("Auth:AnonymousApi", "false"));
        admin = node.CreateClient();
        var key = await node.Services.GetRequiredService<ApiKeys>().CreateAsync("frontend", ["uploads", "albums", "weddings"], "test", null, Cancellation);
        admin.DefaultRequestHeaders.Authorization = new("Bearer", key.Key);
        foreach (var id in new[] { "ann-bob", "cid-dan" })
        {
            using var made = await admin.PostAsJsonAsync(
                "/v1/weddings", new { weddingId = id, name = $"{id}'s wedding", emails = new[] { $"{id}@example.com" }, timeZone = "Europe/Berlin" }, Cancellation);
            Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        }
    }

    public async ValueTask DisposeAsync()
    {
        admin.Dispose();
        await node.DisposeAsync();
        await other.DisposeAsync();
        await host.DisposeAsync();
    }

    [Fact]
    public async Task A_guest_uploads_to_its_wedding_and_does_nothing_else_until_the_link_is_revoked()
    {
        var (link, token) = await IssueAsync("ann-bob", "guest");
        using var guest = Caller(node, token);
        using var elsewhere = Caller(other, token);
        Assert.Equal(201, await InitAsync(guest, "ann-bob"));
        Assert.Equal(403, await InitAsync(guest, "cid-dan"));
        Assert.Equal(403, await InitAsync(guest, null));
        Assert.Equal(403, await StatusAsync(guest, "GET", "/v1/uploads?weddingId=ann-bob"));
        Assert.Equal(403, await StatusAsync(guest, "GET", "/v1/albums?weddingId=ann-bob"));
        Assert.Equal(403, await StatusAsync(guest, "GET", "/v1/weddings/ann-bob"));
        Assert.Equal(403, await StatusAsync(guest, "GET", "/v1/uploads/settings"));
        var foreign = await UploadOfAsync("cid-dan");
        Assert.Equal(404, await StatusAsync(guest, "GET", $"/v1/uploads/{foreign}"));
        Assert.Equal(404, await StatusAsync(guest, "DELETE", $"/v1/uploads/{foreign}"));
        Assert.Equal(200, await StatusAsync(guest, "GET", $"/v1/uploads/{await UploadOfAsync("ann-bob")}"));
        Assert.Equal(201, await CreateTusAsync(guest, "ann-bob"));
        Assert.Equal(403, await CreateTusAsync(guest, "cid-dan"));
        Assert.Equal(201, await StatusAsync(guest, "POST", "/v1/resumable?fileName=a.jpg&contentType=image/jpeg&userRole=member&userId=u&weddingId=ann-bob", ("Upload-Complete", "?0")));
        Assert.Equal(403, await StatusAsync(guest, "POST", "/v1/resumable?fileName=a.jpg&contentType=image/jpeg&userRole=member&userId=u&weddingId=cid-dan", ("Upload-Complete", "?0")));

        Assert.Equal(201, await InitAsync(elsewhere, "ann-bob"));
        Assert.Equal(204, await StatusAsync(admin, "DELETE", $"/v1/weddings/ann-bob/links/{link}"));
        Assert.Equal(401, await InitAsync(elsewhere, "ann-bob"));
        Assert.Equal(401, await InitAsync(guest, "ann-bob"));
    }

    [Fact]
    public async Task A_couple_sees_and_downloads_its_own_albums_and_changes_nothing()
    {
        var (own, foreign) = (await AlbumOfAsync("ann-bob"), await AlbumOfAsync("cid-dan"));
        var (_, token) = await IssueAsync("ann-bob", "couple");
        using var couple = Caller(other, token);
        Assert.Equal(200, await StatusAsync(couple, "GET", own));
        Assert.Equal(200, await StatusAsync(couple, "GET", $"{own}/download"));
        Assert.Equal(200, await StatusAsync(couple, "GET", "/v1/albums?weddingId=ann-bob"));
        Assert.Equal(403, await StatusAsync(couple, "GET", "/v1/albums?weddingId=cid-dan"));
        Assert.Equal(403, await StatusAsync(couple, "GET", "/v1/albums"));
        Assert.Equal(404, await StatusAsync(couple, "GET", foreign));
        Assert.Equal(404, await StatusAsync(couple, "GET", $"{foreign}/download"));
        Assert.Equal(404, await StatusAsync(couple, "GET", $"{foreign}/progress"));
        Assert.Equal(403, await StatusAsync(couple, "GET", $"{own}/log"));
        Assert.Equal(403, await StatusAsync(couple, "POST", $"{own}/cancel"));
        Assert.Equal(403, await StatusAsync(couple, "DELETE", own));
        Assert.Equal(403, await StatusAsync(couple, "POST", $"{own}/links"));
        Assert.Equal(403, await InitAsync(couple, "ann-bob"));
        Assert.Equal(200, await StatusAsync(couple, "GET", "/v1/weddings/ann-bob"));
        Assert.Equal(404, await StatusAsync(couple, "GET", "/v1/weddings/cid-dan"));
    }

    [Fact]
    public async Task A_couple_signs_in_by_a_mailed_link_once()
    {
        var weddings = other.Services.GetRequiredService<IWeddings>();
        using var anybody = node.CreateClient();
        await EventuallyAsync(async () => (await weddings.ListAsync("ann-bob", before: null, Cancellation)).Count == 1); // whose addresses come with it
        using var asked = await anybody.PostAsJsonAsync("/v1/sign-in-links", new { email = "ANN-BOB@example.com" }, Cancellation);
        Assert.Equal(HttpStatusCode.Accepted, asked.StatusCode);
        await EventuallyAsync(() => Task.FromResult(host.Mails().Any()));
        using var unknown = await anybody.PostAsJsonAsync("/v1/sign-in-links", new { email = "nobody@example.com" }, Cancellation);
        Assert.Equal(HttpStatusCode.Accepted, unknown.StatusCode);
        var token = TokenIn(Assert.Single(host.Mails()));

        var redeemed = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => weddings.RedeemSignInAsync(token, Cancellation)));
        var couple = Assert.Single(redeemed, principal => principal is not null)!;
        Assert.Equal("ann-bob", couple.FindFirst(AccountClaims.Wedding)!.Value);
        Assert.Null(await weddings.RedeemSignInAsync(Secret.New(), Cancellation));
    }

    [Fact]
    public async Task Looks_that_are_saved_while_a_logo_is_sent_stay()
    {
        await using var watched = host.WithWebHostBuilder(builder => builder.UseSetting("Roles", "web").ConfigureTestServices(services =>
        {
            var store = services.Last(service => service.ServiceType == typeof(IObjectStorage));
            services.AddSingleton<IObjectStorage>(provider => new FaultyObjectStorage((IObjectStorage)store.ImplementationFactory!(provider)));
        }));
        var weddings = watched.Services.GetRequiredService<IWeddings>();
        var storage = (FaultyObjectStorage)watched.Services.GetRequiredService<IObjectStorage>();
        storage.BeforeCall = _ => weddings.ChangeBrandingAsync("ann-bob", new Branding(Studio: "Studio Mia"), "ann", Cancellation);
        await weddings.ChangeLogoAsync("ann-bob", new byte[] { 0xFF, 0xD8, 0xFF }, "ann", Cancellation);
        storage.BeforeCall = null;
        var looks = (await weddings.FindAsync("ann-bob", Cancellation))!.Branding;
        Assert.Equal("Studio Mia", looks.Studio);
        Assert.EndsWith(".jpg", looks.LogoUrl, StringComparison.Ordinal);
    }

    private static string TokenIn(string mail) => MailText.Of(mail).Split("/couple/sign-in/")[1].Split('\r', '\n')[0];

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        for (var attempt = 0; !await holds(); attempt++)
        {
            Assert.True(attempt < 300, "It did not happen within 30 seconds.");
            await Task.Delay(100, Cancellation);
        }
    }

    private static HttpClient Caller(WebApplicationFactory<Program> node, string token)
    {
        var client = node.CreateClient();
        client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }

    private async Task<(string Link, string Token)> IssueAsync(string weddingId, string kind)
    {
        using var issued = await admin.PostAsJsonAsync($"/v1/weddings/{weddingId}/links", new { kind }, Cancellation);
        Assert.Equal(HttpStatusCode.Created, issued.StatusCode);
        using var link = JsonDocument.Parse(await issued.Content.ReadAsStringAsync(Cancellation));
        return (link.RootElement.GetProperty("linkId").GetString()!, link.RootElement.GetProperty("token").GetString()!);
    }

    private async Task<string> AlbumOfAsync(string weddingId)
    {
        var photo = new byte[1000];
        Random.Shared.NextBytes(photo);
        await using (var body = new BufferBody(photo, Crc32.Append(0, photo)))
        {
            await node.Services.GetRequiredService<IObjectStorage>().PutAsync($"{weddingId}/a.jpg", body, photo.Length, "image/jpeg", Cancellation);
        }

        using var requested = await admin.PostAsJsonAsync("/v1/albums", new { weddingId, prefix = $"{weddingId}/" }, Cancellation);
        Assert.Equal(HttpStatusCode.Accepted, requested.StatusCode);
        var album = requested.Headers.Location!.OriginalString;
        await admin.GetStringAsync($"{album}/progress", Cancellation);
        return album;
    }

    private async Task<string> UploadOfAsync(string weddingId)
    {
        using var begun = await admin.PostAsJsonAsync("/v1/uploads/init", Init(weddingId), Cancellation);
        return begun.Headers.Location!.OriginalString.Split('/')[^1];
    }

    private static async Task<int> InitAsync(HttpClient client, string? weddingId)
    {
        using var answer = await client.PostAsJsonAsync("/v1/uploads/init", Init(weddingId), Cancellation);
        return (int)answer.StatusCode;
    }

    private static object Init(string? weddingId) =>
        new { fileName = "a.jpg", contentType = "image/jpeg", sizeBytes = 10, userRole = "member", userId = "u1", weddingId };

    private static Task<int> CreateTusAsync(HttpClient client, string weddingId) => StatusAsync(
        client,
        "POST",
        $"/v1/tus?fileName=a.jpg&contentType=image/jpeg&userRole=member&userId=u&weddingId={weddingId}",
        ("Tus-Resumable", "1.0.0"),
        ("Upload-Length", "10"));

    private static async Task<int> StatusAsync(HttpClient client, string method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        return (int)answer.StatusCode;
    }
}
