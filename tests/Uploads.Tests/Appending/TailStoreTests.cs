using Xunit;

namespace Uploads.Tests;

public sealed class TailStoreTests
{
    private const long PartSize = 8 << 20;

    /// <summary>Few pieces, and no byte written again and again, whatever the size of the appends.</summary>
    [Theory]
    [InlineData(1_000)]
    [InlineData(100_000)]
    [InlineData(3_000_000)]
    public void Small_appends_cost_little(int size)
    {
        var tail = new List<TailKept>();
        var written = 0L;
        for (var offset = 0L; offset + size < PartSize; offset += size)
        {
            var takenUp = TailStore.TakenUpBy(tail, size);
            var begin = takenUp is [var first, ..] ? first.OffsetBytes : offset;
            tail.RemoveRange(tail.Count - takenUp.Count, takenUp.Count);
            tail.Add(new TailKept(begin, offset + size - begin, 0, "", "", default));
            written += offset + size - begin;
            Assert.InRange(tail.Count, 1, 24);
        }

        Assert.Equal(tail[^1].EndBytes, tail.Sum(piece => piece.SizeBytes));
        Assert.True(written < 12 * PartSize, $"{written / (double)PartSize:0.0} times the part was written.");
    }

    /// <summary>Falling sizes are the worst there is.</summary>
    [Fact]
    public void Pieces_fall_by_more_than_half()
    {
        var tail = new List<TailKept>();
        var end = 0L;
        for (var size = 4_000L; size > 0; size--)
        {
            var takenUp = TailStore.TakenUpBy(tail, size);
            var begin = takenUp is [var first, ..] ? first.OffsetBytes : end;
            tail.RemoveRange(tail.Count - takenUp.Count, takenUp.Count);
            end += size;
            tail.Add(new TailKept(begin, end - begin, 0, "", "", default));
            Assert.All(tail.Zip(tail.Skip(1)), pair => Assert.True(pair.First.SizeBytes > 2 * pair.Second.SizeBytes));
        }
    }
}
