using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Platform.Events;

namespace Platform.Tests.Events;

// Stream basket-{id}: a small stream to try the store with.
internal interface IBasketEvent;

internal enum Ripeness
{
    Green,
    Ripe,
}

internal sealed record FruitAdded(string Name, int Count, Ripeness Ripeness = Ripeness.Ripe) : IBasketEvent;

internal sealed record BasketClosed(DateTimeOffset ClosedAt) : IBasketEvent;

internal sealed record Basket(ImmutableList<string> Fruit, bool IsClosed) : IState<Basket, IBasketEvent>
{
    public static string Category => "basket";

    public static Basket Initial => new([], false);

    public static Basket Evolve(Basket state, IBasketEvent e) => e switch
    {
        FruitAdded added => state with { Fruit = state.Fruit.Add(added.Name) },
        BasketClosed => state with { IsClosed = true },
        _ => state,
    };

    internal static void Add(IServiceCollection services) =>
        services.AddEventTypes(types => types.Map<FruitAdded>("fruit_added").Map<BasketClosed>("basket_closed"));
}
