using System.IO.Compression;
using Albums.Sources;
using Albums.Zip;
using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests.Sources;

/// <summary>Albums with files of other servers.</summary>
public sealed class UrlAlbumTests : IAsyncLifetime
{
    private const int MiB = 1 << 20;

    private FileServer server = null!;
    private AlbumWorkshop workshop = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        server = await FileServer.StartAsync();
        workshop = await AlbumWorkshop.CreateAsync(files: server);
    }

    public async ValueTask DisposeAsync()
    {
        await workshop.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Files_come_from_the_store_and_from_other_servers()
    {
        var (photo, video) = (Bytes(1000), Bytes(20 * MiB));
        await workshop.PutAsync("a.jpg", Bytes(10));
        server.Headers["Content-Disposition"] = "inline; filename*=utf-8''First%20dance.mov";
        server.FailNext(FileFault.CutConnection, FileFault.Unavailable);
        var id = await workshop.RequestAsync(
            new RequestedFile(null, null, server.Put("o/x%2Fvideo", video)),
            new RequestedFile("a.jpg", null),
            new RequestedFile(null, "guests/ann.jpg", server.Put("o/photo.jpg", photo)),
            new RequestedFile(null, null, $"{server.Address}o/gone.jpg?token=secret-token"));
        await workshop.AttemptAsync(id);

        await using var archive = await ZipFile.OpenReadAsync(await workshop.DownloadAsync(id), Cancel);
        Assert.Equal(["a.jpg", "guests/ann.jpg", "First dance.mov", "_MISSING.txt"], archive.Entries.Select(entry => entry.FullName));
        Assert.Equal(photo, await ReadAsync(archive, "guests/ann.jpg"));
        Assert.Equal(video, await ReadAsync(archive, "First dance.mov"));
        var missing = System.Text.Encoding.UTF8.GetString(await ReadAsync(archive, "_MISSING.txt"));
        Assert.Contains("gone.jpg: it is not at its address", missing, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", missing, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_breaks_off_again_and_again_leaves_the_bytes_as_they_are()
    {
        var url = server.Put("video.mov", Bytes(30 * MiB));
        var undisturbed = await workshop.RequestAsync(new RequestedFile(null, null, url));
        await workshop.AttemptAsync(undisturbed);

        var id = await workshop.RequestAsync(new RequestedFile(null, null, url));
        server.FailNext([FileFault.None, .. Enumerable.Repeat(FileFault.CutBody, 12)]);
        await workshop.AttemptAsync(id);
        Assert.Equal(await workshop.HashAsync(undisturbed), await workshop.HashAsync(id));
    }

    [Fact]
    public async Task A_file_that_is_replaced_while_packing_is_left_out_rather_than_mixed()
    {
        await workshop.PutAsync("a.jpg", Bytes(10));
        var id = await workshop.RequestAsync(new RequestedFile("a.jpg", null), new RequestedFile(null, null, server.Put("b.mov", Bytes(120 * MiB))));
        server.FailNext([.. Enumerable.Repeat(FileFault.None, 10), FileFault.Replaced]); // eight parts are under way at most: the first is stored
        await workshop.AttemptAsync(id);

        await using var archive = await ZipFile.OpenReadAsync(await workshop.DownloadAsync(id), Cancel);
        Assert.Equal(["a.jpg", "_MISSING.txt"], archive.Entries.Select(entry => entry.FullName));
    }

    /// <summary>An outage costs time before it costs photos.</summary>
    [Fact]
    public async Task A_server_that_is_out_of_order_is_waited_for_and_then_done_without()
    {
        await workshop.PutAsync("a.jpg", Bytes(10));
        var id = await workshop.RequestAsync(new RequestedFile("a.jpg", null), new RequestedFile(null, null, server.Put("b.jpg", Bytes(10))));
        server.Status = 503;
        for (var attempt = 1; attempt <= 6; attempt++)
        {
            await Assert.ThrowsAsync<UrlFailedException>(() => workshop.AttemptAsync(id));
        }

        await workshop.AttemptAsync(id);
        var missing = Assert.Single((await workshop.AlbumAsync(id)).Skipped);
        Assert.Equal(("b.jpg", "its server is overloaded"), (missing.Name, missing.Reason));
        Assert.Equal(1, (await workshop.AlbumAsync(id)).Completed!.Files);
    }

    [Fact]
    public async Task A_server_that_goes_down_while_packing_fails_the_attempt_and_costs_no_file()
    {
        var id = await workshop.RequestAsync(new RequestedFile(null, null, server.Put("b.mov", Bytes(40 * MiB))));
        server.FailNext([.. Enumerable.Repeat(FileFault.None, 4), .. Enumerable.Repeat(FileFault.Unavailable, 100)]);
        Assert.True((await Assert.ThrowsAsync<SourceLostException>(() => workshop.AttemptAsync(id))).MayComeBack);

        server.Recover();
        await workshop.AttemptAsync(id);
        Assert.Equal((1, 0), ((await workshop.AlbumAsync(id)).Completed!.Files, (await workshop.AlbumAsync(id)).Completed!.Skipped));
    }

    private static byte[] Bytes(int size)
    {
        var bytes = new byte[size];
        Random.Shared.NextBytes(bytes);
        return bytes;
    }

    private static async Task<byte[]> ReadAsync(ZipArchive archive, string name)
    {
        var entry = archive.GetEntry(name)!;
        var bytes = new byte[entry.Length];
        await using var content = await entry.OpenAsync(Cancel);
        await content.ReadExactlyAsync(bytes, Cancel);
        Assert.Equal(entry.Crc32, Crc32.Append(0, bytes));
        return bytes;
    }
}
