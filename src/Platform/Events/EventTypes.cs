namespace Platform.Events;

/// <summary>
/// Stored names of events. They are explicit strings, so renaming a record does not rename history, and follow Marten's rule
/// (snake_case of the record's name; see <c>docs/events.md</c>), so a Marten store on the same database finds the same types.
/// </summary>
public sealed class EventTypes
{
    private readonly Dictionary<string, Type> byName = new(StringComparer.Ordinal);
    private readonly Dictionary<Type, string> byType = [];

    /// <summary>Every registered event type by its stored name.</summary>
    public IReadOnlyDictionary<string, Type> All => byName;

    /// <exception cref="ArgumentException">The name or the type is registered already: names are unique across modules.</exception>
    public EventTypes Map<TEvent>(string name)
        where TEvent : notnull
    {
        byName.Add(name, typeof(TEvent));
        byType.Add(typeof(TEvent), name);
        return this;
    }

    /// <summary>The stored name of an event type.</summary>
    /// <exception cref="InvalidOperationException">The type was never mapped: a mistake in its module's wiring.</exception>
    public string NameOf(Type type) =>
        byType.TryGetValue(type, out var name) ? name : throw new InvalidOperationException($"{type} is not mapped to a stored event name.");

    /// <summary>The type behind a stored name; <see langword="null"/> where no module of this build knows it.</summary>
    public Type? Find(string name) => byName.GetValueOrDefault(name);
}
