using System.Text;
using System.Text.Json;
using Albums.Zip;
using Xunit;

namespace Albums.Tests.Zip;

public sealed class ZipVolumesTests
{
    private const long GiB = 1L << 30;

    /// <summary>Sizes up to those that need Zip64, names of any length: no volume is larger than it may be, none could have taken one file more.</summary>
    [Theory]
    [InlineData(1_000)]
    [InlineData(100_000)]
    [InlineData(4 * GiB)]
    [InlineData(9 * GiB)]
    public void Volumes_are_as_full_as_they_may_be(long maxBytes)
    {
        var random = new Random(1);
        PlannedEntry[] files =
        [
            .. Enumerable.Range(0, 300).Select(i => Entry(i, $"{i}{new string('é', random.Next(60))}", random.NextInt64(maxBytes / (i % 9 == 0 ? 1 : 7)))),
        ];
        var plan = ZipPlan.Freeze(files, PlannedEntry.Missing([new SkippedFile(7, "a.jpg", "gone")], DateTimeOffset.UnixEpoch), maxBytes);
        Assert.InRange(plan.VolumeCount, 30, 300);
        Assert.Equal(0, plan.VolumeStarts![0]);
        for (var volume = 1; volume <= plan.VolumeCount; volume++)
        {
            var (first, end) = plan.EntriesOf(volume);
            Assert.True(SizeOf(first, end) <= maxBytes || end == first + 1, $"volume {volume}");
            Assert.True(volume == plan.VolumeCount || SizeOf(first, end + 1) > maxBytes, $"volume {volume}");
        }

        long SizeOf(int first, int end) => new ZipLayout(new ZipPlan(1, 8 << 20, [.. plan.Entries.Take(end).Skip(first)])).SizeBytes;
    }

    [Fact]
    public async Task A_plan_of_several_volumes_is_stored_whole_and_one_of_none_as_ever()
    {
        PlannedEntry[] files = [Entry(0, "a", 600), Entry(1, "b", 600), Entry(2, "c", 10)];
        Assert.DoesNotContain("VolumeStarts", await JsonOfAsync(ZipPlan.Freeze(files, missing: null)), StringComparison.Ordinal);
        var json = await JsonOfAsync(ZipPlan.Freeze(files, missing: null, maxVolumeBytes: 1_000));
        var plan = JsonSerializer.Deserialize<ZipPlan>(json)!;
        Assert.Equal(JsonSerializer.Serialize(plan), json);
        Assert.Equal([0, 1], plan.VolumeStarts!);
        Assert.Equal(files, plan.Entries);
    }

    private static async Task<string> JsonOfAsync(ZipPlan plan)
    {
        await using var body = new PlanBody(plan);
        using var reader = new StreamReader(body, Encoding.UTF8);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    private static PlannedEntry Entry(int index, string name, long sizeBytes) =>
        new(index, name, $"photos/{name}", "etag", sizeBytes, DateTimeOffset.UnixEpoch, 1);
}
