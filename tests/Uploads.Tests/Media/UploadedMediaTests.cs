using Testing;
using Uploads.Contracts;
using Xunit;

namespace Uploads.Tests.Media;

public sealed class FolderUploadedMediaTests(FolderNode node) : UploadedMediaTests(node), IClassFixture<FolderNode>;

public sealed class S3UploadedMediaTests(S3Node node) : UploadedMediaTests(node), IClassFixture<S3Node>;

/// <summary>What other modules learn about pictures and films with <see cref="UploadCompleted"/>.</summary>
public abstract class UploadedMediaTests(UploadNode node)
{
    private static readonly DateTime Local = new(2026, 6, 20, 14, 3, 22);
    private static readonly TimeSpan Summer = TimeSpan.FromHours(2);

    [Fact]
    public async Task A_photo_tells_its_size_and_when_it_was_taken()
    {
        var photo = await MediaFiles.JpegAsync(640, 480, MediaFiles.Exif(6));
        Assert.Equal(new UploadedMedia(480, 640, Local, Summer), await UploadAsync(node.Host, "image/jpeg", photo));
    }

    [Fact]
    public async Task A_photo_of_a_telephone_does_even_if_that_stands_at_its_end()
    {
        var near = MediaFiles.Heic(4_032, 3_024, MediaFiles.Exif(6), isTurned: true);
        var far = MediaFiles.Heic(4_032, 3_024, MediaFiles.Exif(6), isTurned: true, tileBytes: 1_000_000);
        foreach (var photo in new[] { near, far })
        {
            Assert.Equal(new UploadedMedia(3_024, 4_032, Local, Summer), await UploadAsync(node.Host, "image/heic", photo));
        }
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task A_film_tells_when_it_was_made(bool isMoovFirst, bool is64Bit) =>
        Assert.Equal(
            new UploadedMedia(null, null, Local, TimeSpan.Zero),
            await UploadAsync(node.Host, "video/mp4", MediaFiles.Film(Local, isMoovFirst, is64Bit)));

    [Fact]
    public async Task What_says_nothing_is_complete_without()
    {
        Assert.Null(await UploadAsync(node.Host, "video/mp4", MediaFiles.Film(null, isMoovFirst: false)));
        Assert.Null(await UploadAsync(node.Host, "image/jpeg", [0xFF, 0xD8, 0xFF]));
        Assert.Null(await UploadAsync(node.Host, "text/plain", await MediaFiles.JpegAsync(64, 48, null)));
    }

    [Fact]
    public async Task A_store_that_cannot_be_read_does_not_keep_an_upload_from_completing()
    {
        var failing = new FaultyObjectStorage(node.Storage);
        await using var fragile = await UploadHost.StartAsync(node.ConnectionString, failing, node.Clock, work: false);
        var photo = await MediaFiles.JpegAsync(64, 48, MediaFiles.Exif());

        // Begin, part, complete, read.
        failing.FailAt(4, afterEffect: false);
        Assert.Null(await UploadAsync(fragile, "image/jpeg", photo));
        Assert.Equal(4, failing.Calls);
    }

    /// <summary>A film made of boxes without end is not followed through all of it.</summary>
    [Fact]
    public async Task A_film_made_to_be_slow_costs_a_few_reads()
    {
        var counting = new FaultyObjectStorage(node.Storage);
        await using var host = await UploadHost.StartAsync(node.ConnectionString, counting, node.Clock, work: false);
        byte[] film = [.. MediaFiles.Box("ftyp", [.. "isom"u8, 0, 0, 0, 0]), .. Enumerable.Repeat(MediaFiles.Box("free", []), 1_000).SelectMany(b => b)];
        Assert.Null(await UploadAsync(host, "video/mp4", film));
        Assert.Equal(3 + 16, counting.Calls);
    }

    private static async Task<UploadedMedia?> UploadAsync(UploadHost host, string type, byte[] bytes)
    {
        var upload = await host.InitAsync(bytes.Length, fileName: "a", contentType: type);
        await UploadHost.ReadAsync(await host.CompleteAsync(upload.Id(), await host.SendAsync(upload.Id(), 0, bytes)), 200);
        var events = await host.Events.ReadAsync($"upload-{upload.Id()}", 1, TestContext.Current.CancellationToken)
            .ToListAsync(TestContext.Current.CancellationToken);

        // As others read it: through its stored JSON.
        return ((UploadCompleted)events[^1].Payload).Media;
    }
}
