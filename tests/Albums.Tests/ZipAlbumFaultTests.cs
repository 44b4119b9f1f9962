using Albums.Contracts;
using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests;

/// <summary>
/// Albums through a store that does everything wrong that stores do wrong: attempts may fail, but no ZIP differs from the undisturbed
/// one, no file is left out, and each event stands once. Time passes fifty times as fast.
/// </summary>
public abstract class ZipAlbumFaultTests : IAsyncLifetime
{
    private const int MostAttempts = 10; // as many as the job makes

    private readonly FastClock clock = new(50);
    private readonly string folder = $"photos/{Guid.CreateVersion7()}";
    private readonly Dictionary<string, uint> crcs = [];
    private string[] keys = [];
    private string undisturbed = "";
    private AlbumWorkshop workshop = null!;
    private S3ObjectStorage calm = null!;
    private S3ObjectStorage disturbed = null!;
    private S3FaultProxy proxy = null!;

    private protected FastClock Clock => clock;

    public async ValueTask InitializeAsync()
    {
        var options = await OpenStoreAsync();
        proxy = await S3FaultProxy.StartAsync(options);
        calm = new S3ObjectStorage(options, TimeProvider.System); // what the test does outlasts a store that stands still for seconds
        disturbed = new S3ObjectStorage(proxy.Options, clock);
        workshop = await AlbumWorkshop.CreateAsync(calm);
        keys = [.. Enumerable.Range(0, 12).Select(i => $"{folder}/{i}.jpg"), $"{folder}/video.mov"];
        var random = new Random(1);
        foreach (var key in keys)
        {
            var bytes = new byte[key.EndsWith(".mov", StringComparison.Ordinal) ? 17 << 20 : 200_000]; // three parts, one inside the video
            random.NextBytes(bytes);
            await workshop.PutAsync(key, bytes);
            crcs[key] = Crc32.Append(0, bytes);
        }

        undisturbed = await FinishAsync(await workshop.RequestAsync(keys));
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await workshop.DisposeAsync();
        disturbed.Dispose();
        await proxy.DisposeAsync();
        calm.Dispose();
    }

    private protected abstract Task<S3Options> OpenStoreAsync();

    [Theory]
    [InlineData(S3Operation.Head)]
    [InlineData(S3Operation.Get)]
    [InlineData(S3Operation.Put)]
    [InlineData(S3Operation.Begin)]
    [InlineData(S3Operation.PutPart)]
    [InlineData(S3Operation.ListParts)]
    [InlineData(S3Operation.Complete)]
    public async Task No_fault_changes_an_album(S3Operation operation)
    {
        var faults = StoreFaults.Of(operation);
        proxy.FailNext(operation, faults); // one request after the other, and one that is made again
        while (proxy.Faults.Count < faults.Count)
        {
            await AssertUnharmedAsync($"after {string.Join(", ", proxy.Faults)} at {operation}");
        }
    }

    [Fact]
    public async Task No_fault_of_copying_changes_an_album()
    {
        await AnnounceAsync();
        await No_fault_changes_an_album(S3Operation.CopyPart);
    }

    /// <summary>One request in four.</summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    public async Task No_storm_of_faults_changes_an_album(int seed, bool areCrcsKnown)
    {
        await (areCrcsKnown ? AnnounceAsync() : Task.CompletedTask);
        proxy.Disturb(seed, oneIn: 4, except: [StoreFault.StalledReply, StoreFault.StalledRequest]);
        await AssertUnharmedAsync($"with seed {seed}");
        Assert.NotEmpty(proxy.Faults);
        TestContext.Current.SendDiagnosticMessage($"Seed {seed}: {string.Join(", ", proxy.Faults)}.");
    }

    private async Task AssertUnharmedAsync(string disturbance)
    {
        var id = await workshop.RequestAsync(keys);
        Assert.Equal((disturbance, undisturbed), (disturbance, await FinishAsync(id)));
        var history = await workshop.HistoryAsync(id);
        Assert.Empty(history.OfType<FileSkipped>());
        Assert.Single(history.OfType<PlanFrozen>());
        Assert.Single(history.OfType<AlbumCompleted>());

        // An upload that is gone takes its parts with it: they are counted from the last one on.
        var current = history[history.FindLastIndex(e => e is MultipartBegun)..];
        Assert.Equal(Enumerable.Range(0, keys.Length), current.OfType<FileZipped>().Select(file => file.Index));
        Assert.Equal(current.OfType<PartStored>().Count(), current.OfType<PartStored>().DistinctBy(part => part.Number).Count() + current.OfType<PartInvalidated>().Count());
    }

    // The store copies parts of files whose CRCs are known.
    private async Task AnnounceAsync()
    {
        foreach (var (key, crc32) in crcs)
        {
            await workshop.AnnounceAsync(key, Path.GetFileName(key), crc32);
        }
    }

    // As the job would: attempts until the album is there.
    private async Task<string> FinishAsync(Guid id)
    {
        for (var attempt = 1; (await workshop.AlbumAsync(id)).Completed is null; attempt++)
        {
            Assert.True(attempt <= MostAttempts, "The attempts do not get anywhere.");
            try
            {
                await workshop.AttemptAsync(id, disturbed, clock);
            }
            catch (StorageException)
            {
                // The next attempt goes on.
            }
        }

        await proxy.SettleAsync();
        var hash = await workshop.HashAsync(id);
        await calm.DeleteAsync((await workshop.AlbumAsync(id)).Completed!.Key, default);
        return hash;
    }
}

public sealed class ZipAlbumFaultsOnCeph : ZipAlbumFaultTests
{
    private protected override Task<S3Options> OpenStoreAsync() => CephServer.TlsBucketAsync();
}

public sealed class ZipAlbumFaultsOnR2 : ZipAlbumFaultTests
{
    private R2StrictServer server = null!;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await server.DisposeAsync();
    }

    private protected override async Task<S3Options> OpenStoreAsync() => (server = await R2StrictServer.StartAsync(Clock)).Options;
}
