using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests;

/// <summary>A second album after new uploads: what the first one has is copied by the store, and the bytes are as if packed from scratch.</summary>
public abstract class EarlierZipTests : IAsyncLifetime
{
    private const int MiB = 1 << 20;

    private AlbumWorkshop workshop = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => workshop = await AlbumWorkshop.CreateAsync(await OpenStoreAsync());

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return workshop.DisposeAsync();
    }

    /// <summary>The store; a folder where there is none.</summary>
    private protected abstract Task<IObjectStorage?> OpenStoreAsync();

    /// <summary>A small file moves all large ones behind it.</summary>
    [Fact]
    public async Task Only_what_is_new_is_read()
    {
        await UploadAsync("a.jpg", 5000);
        await UploadAsync("walzer.mov", 60 * MiB);
        var first = await AlbumAsync();
        await UploadAsync("b.jpg", 7000);
        await UploadAsync("torte.mov", 9 * MiB);
        var second = await AlbumAsync();

        var read = (await workshop.HistoryAsync(second)).OfType<WorkMetered>().Single().BytesOut;
        Assert.InRange(read, 9 * MiB, (9 + 8 + 8 + 1) * MiB); // the new files, the parts that they share with old ones, the plan

        await workshop.Objects.DeleteAsync((await workshop.AlbumAsync(first)).Completed!.Key, Cancellation);
        var hash = await workshop.HashAsync(second);
        await workshop.Objects.DeleteAsync((await workshop.AlbumAsync(second)).Completed!.Key, Cancellation);
        var third = await AlbumAsync(); // finds the second, whose ZIP is gone
        Assert.Equal(await workshop.HashAsync(third), hash);
        Assert.InRange((await workshop.HistoryAsync(third)).OfType<WorkMetered>().Single().BytesOut, 69 * MiB, 71 * MiB);
    }

    private async Task<Guid> AlbumAsync()
    {
        var id = Guid.CreateVersion7();
        var requested = new AlbumRequested("ann-bob", [], null, [], DateTimeOffset.UnixEpoch);
        await workshop.Events.DecideAsync<Album, IAlbumEvent>(id, album => RequestAlbumHandler.Decide(album, requested), Cancellation);
        await workshop.AttemptAsync(id, workshop.Objects);
        Assert.Equal(AlbumStatus.Completed, (await workshop.AlbumAsync(id)).Status);
        return id;
    }

    private async Task UploadAsync(string key, int sizeBytes)
    {
        var bytes = new byte[sizeBytes];
        new Random(sizeBytes).NextBytes(bytes);
        await workshop.UploadAsync(key, key, bytes);
    }
}

public sealed class EarlierZipInFolder : EarlierZipTests
{
    private protected override Task<IObjectStorage?> OpenStoreAsync() => Task.FromResult<IObjectStorage?>(null);
}

/// <summary>On a real S3 server.</summary>
public sealed class EarlierZipOnCeph : EarlierZipTests
{
    private S3ObjectStorage storage = null!;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        storage.Dispose();
    }

    private protected override async Task<IObjectStorage?> OpenStoreAsync() =>
        storage = new S3ObjectStorage(await CephServer.TlsBucketAsync(), TimeProvider.System);
}

/// <summary>On a server as strict as R2.</summary>
public sealed class EarlierZipOnR2 : EarlierZipTests
{
    private R2StrictServer server = null!;
    private S3ObjectStorage storage = null!;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        storage.Dispose();
        await server.DisposeAsync();
    }

    private protected override async Task<IObjectStorage?> OpenStoreAsync()
    {
        server = await R2StrictServer.StartAsync();
        return storage = new S3ObjectStorage(server.Options, TimeProvider.System);
    }
}
