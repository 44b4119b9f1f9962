using Albums.Contracts;
using Platform.Storage;
using Xunit;

namespace Albums.Tests;

/// <summary>The product's promise: whatever call fails, the next attempt goes on, the bytes are the same, and each event stands once.</summary>
public sealed class ZipAlbumCrashTests : IAsyncLifetime
{
    // Eleven small files and a video over three parts, one file empty, one missing.
    private static readonly string[] Keys = [.. Enumerable.Range(0, 11).Select(i => $"photos/{i}.jpg"), "photos/gone.jpg", "photos/video.mov"];

    private AlbumWorkshop workshop = null!;

    public async ValueTask InitializeAsync()
    {
        workshop = await AlbumWorkshop.CreateAsync();
        var random = new Random(1);
        foreach (var (i, key) in Keys.Index().Where(file => file.Item != "photos/gone.jpg"))
        {
            var bytes = new byte[i == 3 ? 0 : key.EndsWith(".mov", StringComparison.Ordinal) ? 17 << 20 : 100_000 + i];
            random.NextBytes(bytes);
            await workshop.PutAsync(key, bytes);
        }
    }

    public ValueTask DisposeAsync() => workshop.DisposeAsync();

    [Fact]
    public async Task An_album_is_packed()
    {
        var id = await workshop.RequestAsync(Keys);
        await workshop.AttemptAsync(id);

        var album = await workshop.AlbumAsync(id);
        Assert.Equal(AlbumStatus.Completed, album.Status);
        Assert.Equal((12, 1), (album.Completed!.Files, album.Completed.Skipped));
        await AssertUnzipsAsync(id);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Any_call_to_the_store_may_fail(bool afterEffect) => await FailEverywhereAsync(
        call => workshop.Storage.FailAt(call, afterEffect), () => workshop.Storage.Calls, e => e is StorageException);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Any_call_to_the_database_may_fail(bool afterEffect) => await FailEverywhereAsync(
        call => workshop.Postgres.FailAt(call, afterEffect), () => workshop.Postgres.Calls, e => e is Npgsql.NpgsqlException);

    private async Task FailEverywhereAsync(Action<int> failAt, Func<int> calls, Predicate<Exception> isTheFault)
    {
        failAt(0);
        var undisturbed = await workshop.RequestAsync(Keys);
        await workshop.AttemptAsync(undisturbed);
        var hash = await workshop.HashAsync(undisturbed);
        var count = calls();
        Assert.InRange(count, 10, 200);

        var failed = 0;
        for (var call = 1; call <= count; call++)
        {
            var id = await workshop.RequestAsync(Keys);
            failAt(call);
            try
            {
                await workshop.AttemptAsync(id);
            }
            catch (Exception e) when (isTheFault(e))
            {
                failed++;
            }

            failAt(0);
            await workshop.AttemptAsync(id);
            Assert.Equal(hash, await workshop.HashAsync(id));
            AssertEachOnce(await workshop.HistoryAsync(id), call);
        }

        Assert.InRange(failed, count / 2, count); // the rest are faults that the attempt itself gets over
    }

    private static void AssertEachOnce(List<IAlbumEvent> history, int call)
    {
        Assert.Equal(Enumerable.Range(0, 13), history.OfType<FileZipped>().Select(file => file.Index)); // with _MISSING.txt
        var message = $"after a fault at call {call}";
        Assert.True(history.OfType<PartStored>().Select(part => part.Number).Order().SequenceEqual([1, 2, 3]), message);
        Assert.True(history.OfType<AlbumCompleted>().Count() == 1, message);
        Assert.True(history.OfType<PlanFrozen>().Count() == 1, message);
        Assert.True(history.OfType<FileSkipped>().Count() == 1, message);
        Assert.True(history.OfType<MultipartBegun>().Count() == 1, message);
    }

    private async Task AssertUnzipsAsync(Guid id)
    {
        await using var archive = await System.IO.Compression.ZipFile.OpenReadAsync(await workshop.PathAsync(id));
        Assert.Equal(13, archive.Entries.Count);
        foreach (var entry in archive.Entries.Where(entry => entry.Name != "_MISSING.txt"))
        {
            await using var packed = await entry.OpenAsync(); // verifies the CRC
            await using var source = await workshop.Objects.ReadAsync($"photos/{entry.Name}", range: null, ifMatch: null, default);
            Assert.Equal(
                await System.Security.Cryptography.SHA256.HashDataAsync(source), await System.Security.Cryptography.SHA256.HashDataAsync(packed));
        }
    }
}
