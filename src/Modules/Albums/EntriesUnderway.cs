using System.Collections.Immutable;

namespace Albums;

/// <summary>Entries of which some bytes are safe and others may not be, by their index in the plan. Never many, whatever the album.</summary>
internal sealed record EntriesUnderway(ImmutableSortedDictionary<int, EntryUnderway> Entries)
{
    internal static EntriesUnderway None { get; } = new(ImmutableSortedDictionary<int, EntryUnderway>.Empty);

    /// <param name="since">When an entry that is new here began: as the part before this one was safe.</param>
    internal EntriesUnderway With(PartStored part, int filesZipped, DateTimeOffset since, double memoryBytes) => this with
    {
        Entries = AtTheEdges(part).Where(segment => segment.Entry >= filesZipped).Aggregate(Entries, (entries, segment) =>
        {
            var known = entries.GetValueOrDefault(segment.Entry) ?? new EntryUnderway(0, Pace.From(since));
            var pace = known.Pace.After(segment.SizeBytes, files: 0, part.At, memoryBytes);
            return entries.SetItem(segment.Entry, new EntryUnderway(known.StoredBytes + segment.SizeBytes, pace));
        }),
    };

    internal EntriesUnderway Without(PartStored part) => this with
    {
        Entries = AtTheEdges(part).Aggregate(Entries, (entries, segment) => entries.GetValueOrDefault(segment.Entry) switch
        {
            null => entries,
            var known when known.StoredBytes <= segment.SizeBytes => entries.Remove(segment.Entry),
            var known => entries.SetItem(segment.Entry, known with { StoredBytes = known.StoredBytes - segment.SizeBytes }),
        }),
    };

    internal EntriesUnderway Without(int entry) => this with { Entries = Entries.Remove(entry) };

    internal EntriesUnderway Resumed(DateTimeOffset at) => this with
    {
        Entries = Entries.ToImmutableSortedDictionary(entry => entry.Key, entry => entry.Value with { Pace = entry.Value.Pace.Resumed(at) }),
    };

    // What lies between the first and the last segment of a part is in it as a whole.
    private static IEnumerable<Segment> AtTheEdges(PartStored part) => part.Segments.Count < 2 ? part.Segments : [part.Segments[0], part.Segments[^1]];
}

internal sealed record EntryUnderway(long StoredBytes, Pace Pace);
