using Microsoft.Extensions.Caching.Memory;

namespace Platform.Events;

/// <summary>
/// Folded states of streams used lately. An entry is a starting point, never an answer: whoever takes it reads what came after it. Nobody
/// knows the size of a state, but it grows at most with its events, so their number is its weight.
/// </summary>
internal sealed class FoldCache : IDisposable
{
    // Some 5,000 short streams, or a few of 50,000 events.
    private const long MaxWeight = 250_000;
    private const long EntryWeight = 50;

    private static readonly TimeSpan Unused = TimeSpan.FromMinutes(10);

    private readonly MemoryCache states = new(new MemoryCacheOptions { SizeLimit = MaxWeight });

    public Folded<TState>? Find<TState>(string streamName) =>
        states.TryGetValue((streamName, typeof(TState)), out var found) && found is Folded<TState> known ? known : null;

    public Folded<TState> Keep<TState>(string streamName, Folded<TState> folded)
    {
        states.Set(
            (streamName, typeof(TState)), folded, new MemoryCacheEntryOptions { Size = EntryWeight + folded.Version, SlidingExpiration = Unused });
        return folded;
    }

    public void Dispose() => states.Dispose();
}
