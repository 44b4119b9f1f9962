using Albums.Contracts;
using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests;

/// <summary>Whenever an album is cancelled, and whatever fails as its remains are removed: in the end nothing is left in the store.</summary>
public abstract class DiscardAlbumTests : IAsyncLifetime
{
    private protected static readonly string[] Keys = ["photos/1.jpg", "photos/gone.jpg", "photos/video.mov"];

    private protected AlbumWorkshop Workshop { get; private set; } = null!;

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Workshop = await AlbumWorkshop.CreateAsync(await OpenStoreAsync());
        foreach (var key in Keys.Where(key => key != "photos/gone.jpg"))
        {
            await Workshop.PutAsync(key, new byte[key.EndsWith(".mov", StringComparison.Ordinal) ? 9 << 20 : 1000]);
        }
    }

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return Workshop.DisposeAsync();
    }

    /// <summary>The store; a folder where there is none.</summary>
    private protected abstract Task<IObjectStorage?> OpenStoreAsync();

    /// <summary>Before each call that the worker makes: while it plans, packs and completes. The removal runs before the worker notices.</summary>
    [Fact]
    public async Task An_album_that_is_cancelled_at_any_moment_leaves_nothing()
    {
        for (var call = 1; call <= await CallsOfAnAttemptAsync(); call++)
        {
            var id = await Workshop.RequestAsync(Keys);
            await AttemptAsync(id, cancelBefore: call, () => DiscardAsync(id, Workshop.Objects));
            Assert.Equal(AlbumStatus.Cancelled, (await Workshop.AlbumAsync(id)).Status);
            await AssertNothingIsLeftAsync(id, $"cancelled before call {call}");
        }
    }

    /// <summary>After each call that the worker makes: also one whose upload the store began and nobody recorded.</summary>
    [Fact]
    public async Task An_album_whose_worker_died_at_any_moment_is_cancelled_and_leaves_nothing()
    {
        for (var call = 1; call <= await CallsOfAnAttemptAsync(); call++)
        {
            var id = await Workshop.RequestAsync(Keys);
            Workshop.Storage.FailAt(call, afterEffect: true);
            await Record.ExceptionAsync(() => Workshop.AttemptAsync(id));
            await DecideAsync(id, album => DeleteAlbumHandler.Decide(album, new DeleteAlbum(id, "ann"), DateTimeOffset.UnixEpoch));
            await DiscardAsync(id, Workshop.Objects);
            await AssertNothingIsLeftAsync(id, $"died after call {call}");
        }
    }

    [Fact]
    public async Task A_complete_album_that_is_deleted_leaves_nothing()
    {
        var id = await Workshop.RequestAsync(Keys);
        await Workshop.AttemptAsync(id);
        await DecideAsync(id, album => DeleteAlbumHandler.Decide(album, new DeleteAlbum(id, "ann"), DateTimeOffset.UnixEpoch));
        await DiscardAsync(id, Workshop.Objects);
        await AssertNothingIsLeftAsync(id, "deleted");
        Assert.NotNull(await Workshop.Objects.HeadAsync("photos/1.jpg", Cancellation));
    }

    private protected async Task<int> CallsOfAnAttemptAsync()
    {
        var id = await Workshop.RequestAsync(Keys);
        Workshop.Storage.FailAt(0, afterEffect: false);
        await Workshop.AttemptAsync(id);
        return Workshop.Storage.Calls;
    }

    private protected async Task AttemptAsync(Guid id, int cancelBefore, Func<Task> afterCancel)
    {
        Workshop.Storage.FailAt(0, afterEffect: false);
        Workshop.Storage.BeforeCall = async call =>
        {
            if (call == cancelBefore)
            {
                await DecideAsync(id, album => CancelAlbumHandler.Decide(album, new CancelAlbum(id, "ann"), DateTimeOffset.UnixEpoch));
                await afterCancel();
            }
        };
        await Record.ExceptionAsync(() => Workshop.AttemptAsync(id)); // what it dies of, its job would repeat
        Workshop.Storage.BeforeCall = null;
    }

    private Task DecideAsync(Guid id, Func<Album, IReadOnlyList<IAlbumEvent>> decide) =>
        Workshop.Events.DecideAsync<Album, IAlbumEvent>(id, decide, Cancellation);

    private protected Task DiscardAsync(Guid id, IObjectStorage store) =>
        new DiscardAlbumHandler(Workshop.Events, store).RunAsync(new DiscardAlbum(id), Cancellation);

    private protected async Task AssertNothingIsLeftAsync(Guid id, string when)
    {
        var left = (await Workshop.Objects.ListAsync($"albums/{id}/", continuation: null, Cancellation)).Objects;
        Assert.True(left.Count == 0, $"{when}: {string.Join(", ", left)}");
        var open = (await Workshop.Objects.ListMultipartsAsync($"albums/{id}/", continuation: null, Cancellation)).Uploads;
        Assert.True(open.Count == 0, $"{when}: {string.Join(", ", open)}");
    }
}

/// <summary>In a folder. What the worker and the removal leave to each other is the same on every store.</summary>
public sealed class DiscardAlbumInFolder : DiscardAlbumTests
{
    /// <summary>The job's next attempt removes what a failed one left.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_removal_that_fails_at_any_call_goes_on_later(bool afterEffect)
    {
        var last = await CallsOfAnAttemptAsync();
        var store = new FaultyObjectStorage(Workshop.Objects);
        var calls = 1;
        for (var call = 1; call <= calls; call++)
        {
            var id = await Workshop.RequestAsync(Keys);
            await AttemptAsync(id, cancelBefore: last, () => throw new StorageException(StorageError.Unavailable, "The test ends the worker here."));
            store.FailAt(call, afterEffect);
            await Assert.ThrowsAsync<StorageException>(() => DiscardAsync(id, store));
            store.FailAt(0, afterEffect);
            await DiscardAsync(id, store);
            calls = Math.Max(calls, store.Calls);
            await AssertNothingIsLeftAsync(id, $"the removal failed at call {call}");
        }

        Assert.Equal(4, calls); // the upload, the list of others, the list of objects, the plan
    }

    [Fact]
    public async Task A_worker_that_dies_of_a_cancel_leaves_the_rest_to_the_one_that_takes_its_job_over()
    {
        var last = await CallsOfAnAttemptAsync();
        var id = await Workshop.RequestAsync(Keys);
        await AttemptAsync(id, cancelBefore: last, () => throw new StorageException(StorageError.Unavailable, "The test ends the worker here."));
        Assert.NotEmpty((await Workshop.Objects.ListAsync($"albums/{id}/", null, Cancellation)).Objects);

        await Workshop.AttemptAsync(id);
        await AssertNothingIsLeftAsync(id, "after the takeover");
    }

    [Fact]
    public async Task A_complete_album_keeps_what_it_has()
    {
        var id = await Workshop.RequestAsync(Keys);
        await Workshop.AttemptAsync(id);
        await DiscardAsync(id, Workshop.Objects);
        Assert.NotEmpty(await Workshop.HashAsync(id));
    }

    private protected override Task<IObjectStorage?> OpenStoreAsync() => Task.FromResult<IObjectStorage?>(null);
}

/// <summary>On a real S3 server.</summary>
public sealed class DiscardAlbumOnCeph : DiscardAlbumTests
{
    private S3ObjectStorage storage = null!;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        storage.Dispose();
    }

    private protected override async Task<IObjectStorage?> OpenStoreAsync() =>
        storage = new S3ObjectStorage(await CephServer.OwnBucketAsync(), TimeProvider.System); // others have files of these names, too
}

/// <summary>On a server as strict as R2.</summary>
public sealed class DiscardAlbumOnR2 : DiscardAlbumTests
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
