using System.Net.Http.Json;
using System.Text.Json;
using Xunit;

namespace Assets.Tests.Images;

/// <summary>A sync makes what the environment's image rules say, and sends that too.</summary>
public abstract class SiteImagesTests : SiteTest
{
    private const int VariantsOfOne = 4;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        for (var i = 0; i < 4; i++)
        {
            Write($"covers/{i}.jpg", Photos.Photo(i, 400, 300));
        }

        Write("index.html", "<!doctype html><img src=covers/1.jpg>");
        using var answer = await ConfigureAsync(new { glob = "covers/**", widths = new[] { 100, 200 }, jpeg = 80, avif = 60 });
        await SiteServer.ReadAsync(answer, 200);
    }

    [Fact]
    public async Task Pictures_of_the_rules_are_served_for_ever_and_listed()
    {
        var result = await SyncAsync();
        Assert.Equal((4, 0, 4 + 1 + (4 * VariantsOfOne) + 1), (result.MadeImages, result.RefusedImages.Count, result.Files));
        await AssertServedAsync();
        var images = JsonDocument.Parse(await ServedAsync("_images/images.json")).RootElement.GetProperty("images");
        Assert.Equal(4, images.EnumerateObject().Count());
        foreach (var variant in images.GetProperty("covers/2.jpg").GetProperty("variants").EnumerateArray())
        {
            using var picture = await Server.GetAsync($"/sites/{Site}/production{variant.GetProperty("url").GetString()}");
            Assert.Equal(variant.GetProperty("sizeBytes").GetInt64(), (await picture.Content.ReadAsByteArrayAsync(Cancel)).Length);
            Assert.Equal($"image/{variant.GetProperty("format").GetString()}", picture.Content.Headers.ContentType?.MediaType);
            Assert.Equal(TimeSpan.FromDays(365), picture.Headers.CacheControl?.MaxAge);
        }

        Assert.False(Directory.Exists(Path.Combine(Dist, "_images"))); // the build's folder is the build's
    }

    [Fact]
    public async Task Where_nothing_changed_nothing_is_made_or_sent_and_the_store_is_not_asked()
    {
        await SyncAsync();
        Storage.FailAt(0, afterEffect: false);
        var again = await SyncAsync();
        Assert.Equal(("unchanged", 0, 0), (again.Outcome, again.MadeImages, again.UploadedObjects));
        Assert.Equal(0, Storage.Calls);
    }

    [Fact]
    public async Task Of_one_picture_that_changed_exactly_its_variants_are_sent()
    {
        await SyncAsync();
        Write("covers/1.jpg", Photos.Photo(11, 400, 300));
        var second = await SyncAsync();
        Assert.Equal((1, VariantsOfOne + 2), (second.MadeImages, second.UploadedObjects)); // itself, and images.json
        await AssertServedAsync();
    }

    [Fact]
    public async Task A_bad_picture_is_served_as_it_is_and_said_by_name()
    {
        Write("covers/3.jpg", [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3]);
        var output = new StringWriter();
        var result = await Server.SyncAsync(Dist, output: output, site: Site);
        Assert.Equal(("activated", 3), (result.Outcome, result.MadeImages));
        Assert.StartsWith("covers/3.jpg: ", Assert.Single(result.RefusedImages), StringComparison.Ordinal);
        Assert.Contains("covers/3.jpg: ", output.ToString(), StringComparison.Ordinal);
        await AssertServedAsync();
    }

    [Fact]
    public async Task Rules_that_make_nothing_are_refused()
    {
        foreach (var wrong in new object[]
        {
            new { glob = "*", widths = new[] { 100 } },
            new { glob = "*", widths = Array.Empty<int>(), jpeg = 80 },
            new { glob = "*", widths = new[] { 20000 }, jpeg = 80 },
            new { glob = "*", widths = new[] { 100 }, jpeg = 101 },
            new { glob = "", widths = new[] { 100 }, jpeg = 80 },
        })
        {
            using var answer = await ConfigureAsync(wrong);
            var problem = await SiteServer.ReadAsync(answer, 400);
            Assert.Equal("INVALID_IMAGE_RULE", problem.GetProperty("error").GetProperty("code").GetString());
        }
    }

    private Task<HttpResponseMessage> ConfigureAsync(object rule) => Server.Client.PutAsJsonAsync(
        $"/v1/sites/{Site}/environments/production", new { cacheRules = Array.Empty<object>(), imageRules = new[] { rule } }, Cancel);
}

public sealed class FolderSiteImagesTests : SiteImagesTests;

public sealed class S3SiteImagesTests : SiteImagesTests
{
    protected override bool IsOnS3 => true;
}
