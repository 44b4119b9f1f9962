using System.Globalization;
using System.Text;
using System.Text.Json;
using Albums.Zip;
using Platform.Storage;
using Xunit;

namespace Albums.Tests.Zip;

/// <summary>Plans of a size at which copies of them would be felt.</summary>
public sealed class LargePlanTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("plans-");
    private readonly FolderObjectStorage storage;

    public LargePlanTests() => storage = new FolderObjectStorage(folder.FullName, TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(129)]
    [InlineData(1000)]
    public async Task A_plan_is_the_JSON_that_it_always_was_and_can_be_read_twice(int count)
    {
        var plan = ZipPlan.Freeze(Entries(count), PlannedEntry.Missing([new SkippedFile(0, "a\r\nb", "gone")], DateTimeOffset.UnixEpoch));
        await using var body = new PlanBody(plan);
        var once = await ReadAsync(body);
        Assert.Equal(JsonSerializer.Serialize(plan), once);
        Assert.Equal(Encoding.UTF8.GetByteCount(once), body.Position);
        body.Position = 0;
        Assert.Equal(once, await ReadAsync(body));
    }

    /// <summary>
    /// Nothing grows with the square of the entries, and the JSON of the whole plan never lies in memory.
    /// </summary>
    [Theory]
    [InlineData(50_000)]
    [InlineData(65_536)]
    public async Task Memory_of_planning_is_bounded(int count)
    {
        var files = Entries(count).ToList();

        // Of this thread, which nothing below leaves: other tests allocate at the same time.
        var before = GC.GetAllocatedBytesForCurrentThread();
        var names = EntryNames.Unique(files.Select(file => file.Name));
        var plan = ZipPlan.Freeze(files.Zip(names, (file, name) => file with { Name = name }), missing: null);
        var layout = new ZipLayout(plan);
        var planning = GC.GetAllocatedBytesForCurrentThread() - before;
        var sizeBytes = 0L;
        await using (var body = new PlanBody(plan))
        {
            var buffer = new byte[64 * 1024];
            for (int read; (read = await body.ReadAsync(buffer, Cancel)) > 0;)
            {
                sizeBytes += read;
            }
        }

        var storing = GC.GetAllocatedBytesForCurrentThread() - before - planning;
        Assert.InRange(planning / count, 0, 4 * 1024);
        Assert.InRange(storing, 0, 4 * MiB);
        Assert.InRange(sizeBytes, 10 * MiB, 30 * MiB);

        var (key, hash) = await plan.StoreAsync(storage, Guid.CreateVersion7(), Cancel);
        var loaded = await ZipPlan.LoadAsync(
            storage, new PlanFrozen(key, hash, plan.LayoutVersion, plan.PartSizeBytes, count, layout.SizeBytes), Cancel);
        Assert.Equal(plan.Entries, loaded.Entries);
        Assert.Equal(count, plan.Entries.Count);
        Assert.Equal(count, plan.Entries.Select(entry => entry.Name.ToUpperInvariant()).Distinct().Count());
    }

    [Fact]
    public void A_list_of_what_is_missing_has_an_end()
    {
        var skipped = Enumerable.Range(0, 1234).Select(i => new SkippedFile(i, $"{i}.jpg", "it is not in the store")).ToList();
        var text = PlannedEntry.Missing(skipped, DateTimeOffset.UnixEpoch).Text!;
        Assert.Contains("999.jpg", text, StringComparison.Ordinal);
        Assert.DoesNotContain("1000.jpg", text, StringComparison.Ordinal);
        Assert.EndsWith("and 234 more.\r\n", text, StringComparison.Ordinal);
    }

    // As phones name them: the same names again and again.
    private static IEnumerable<PlannedEntry> Entries(int count) => Enumerable.Range(0, count).Select(i => new PlannedEntry(
        i,
        string.Create(CultureInfo.InvariantCulture, $"IMG_{i % 10_000:0000}.JPG"),
        string.Create(CultureInfo.InvariantCulture, $"member/guest-{i % 100}/20260620/images/IMG_{i % 10_000:0000}-{i:x8}.jpg"),
        string.Create(CultureInfo.InvariantCulture, $"etag-{i:x32}"),
        i % 100 == 0 ? 500 * MiB : 3 * MiB,
        DateTimeOffset.UnixEpoch.AddSeconds(i),
        (uint)i));

    private static async Task<string> ReadAsync(Stream stream)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
        return await reader.ReadToEndAsync(Cancel);
    }
}
