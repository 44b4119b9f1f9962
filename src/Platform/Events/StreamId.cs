namespace Platform.Events;

/// <summary>The part of a stream's name behind its category: <c>{id}</c> in <c>album-{id}</c>.</summary>
public readonly record struct StreamId(string Value)
{
    public static implicit operator StreamId(Guid id) => new(id.ToString());

    public static implicit operator StreamId(string id) => new(id);

    public static StreamId FromGuid(Guid id) => id;

    public static StreamId FromString(string id) => id;

    public override string ToString() => Value;
}
