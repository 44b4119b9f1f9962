using System.Text;
using Platform.Events;
using Xunit;

namespace Testing;

/// <summary>
/// Asks a decider: <c>Given(Requested, Failed).When(Replay).Then(new AlbumReplayed("admin", Now))</c>. A test class makes its own
/// <c>Given</c>: <c>static Decision&lt;Album, IAlbumEvent> Given(params IAlbumEvent[] history) => new(AlbumsModule.MapEvents, history);</c>
/// The history passes through stored JSON.
/// </summary>
public sealed class Decision<TState, TEvent>
    where TState : IState<TState, TEvent>
    where TEvent : notnull
{
    private readonly EventTypes types = new();
    private readonly TState state;

    public Decision(Action<EventTypes> map, params TEvent[] history)
    {
        map(types);
        state = Fold(TState.Initial, history);
    }

    public Outcome When(Func<TState, IReadOnlyList<TEvent>> decide) => new(this, decide);

    private TState Fold(TState from, IEnumerable<TEvent> events) => events
        .Select(e => (TEvent)types.Deserialize(types.NameOf(e.GetType()), EventTypes.Serialize(e)))
        .Aggregate(from, TState.Evolve);

    public sealed class Outcome(Decision<TState, TEvent> given, Func<TState, IReadOnlyList<TEvent>> decide)
    {
        /// <summary>Exactly these events, and nothing when asked again after them: a repeated command does its work once.</summary>
        public void Then(params TEvent[] expected)
        {
            var events = decide(given.state);
            Assert.Equal(expected.Select(Stored), events.Select(Stored));
            Assert.Empty(decide(given.Fold(given.state, events)));
        }

        public void ThenNothing() => Assert.Empty(decide(given.state));

        /// <returns>The refusal, to look at its members.</returns>
        public CommandRefusedException ThenRefused(string code)
        {
            var refusal = Assert.Throws<CommandRefusedException>(() => decide(given.state));
            Assert.Equal(code, refusal.Code);
            return refusal;
        }

        private string Stored(TEvent e) => $"{given.types.NameOf(e.GetType())} {Encoding.UTF8.GetString(EventTypes.Serialize(e))}";
    }
}
