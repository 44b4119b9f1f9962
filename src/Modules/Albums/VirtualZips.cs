using Albums.Zip;
using Microsoft.Extensions.Caching.Memory;
using Platform.Events;
using Platform.Storage;

namespace Albums;

/// <summary>
/// The ZIPs that were downloaded lately as <see cref="VirtualZip"/>, so that a range costs neither the plan nor a look at the files. Bounded by bytes.
/// </summary>
internal sealed class VirtualZips(EventStore store, IObjectStorage storage) : IDisposable
{
    // The largest plan, of 100,000 files with long names, and some of usual size.
    private const long MostBytes = 96 << 20;

    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(10);

    private readonly MemoryCache zips = new(new MemoryCacheOptions { SizeLimit = MostBytes });

    // One plan is read at a time: ten browsers that begin together cost one, and memory is that of one.
    private readonly SemaphoreSlim reading = new(1);

    /// <param name="frozen">A plan of which all CRCs are known.</param>
    /// <returns>The ZIP, or its volumes.</returns>
    internal async Task<VirtualZip[]> GetAsync(Guid albumId, PlanFrozen frozen, CancellationToken cancellationToken)
    {
        var key = (albumId, frozen.PlanHash);
        if (zips.TryGetValue<VirtualZip[]>(key, out var known))
        {
            return known!;
        }

        await reading.WaitAsync(cancellationToken);
        try
        {
            if (!zips.TryGetValue(key, out known))
            {
                var plan = await ZipPlan.LoadAsync(storage, frozen, cancellationToken);
                known = VirtualZip.Of(plan, await FoundCrcs.ReadAsync(store, albumId, frozen, cancellationToken));
                zips.Set(key, known, new MemoryCacheEntryOptions { Size = known[0].MemoryBytes, SlidingExpiration = Unused });
            }

            return known!;
        }
        finally
        {
            reading.Release();
        }
    }

    public void Dispose()
    {
        zips.Dispose();
        reading.Dispose();
    }
}
