using Platform.Events;
using Xunit;

namespace Platform.Tests.Events;

public sealed class FoldCacheTests
{
    [Fact]
    public async Task States_are_kept_up_to_a_number_of_events()
    {
        using var cache = new FoldCache();
        cache.Keep("basket-small", new Folded<Basket>(Basket.Initial, 3));
        Assert.Equal(3, cache.Find<Basket>("basket-small")!.Value.Version);
        Assert.Null(cache.Find<string>("basket-small"));

        cache.Keep("basket-huge", new Folded<Basket>(Basket.Initial, 300_000));
        Assert.Null(cache.Find<Basket>("basket-huge"));

        for (var i = 0; i < 100; i++)
        {
            cache.Keep($"basket-{i}", new Folded<Basket>(Basket.Initial, 10_000));
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        Assert.InRange(Enumerable.Range(0, 100).Count(i => cache.Find<Basket>($"basket-{i}") is not null), 1, 25);
    }
}
