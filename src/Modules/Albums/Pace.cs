namespace Albums;

/// <summary>
/// How long packing takes, learnt from the parts as they become safe: seconds over work, of which earlier work counts the less the more
/// came after it. Forgetting by work rather than by time fits any speed of store and any size of album, and is not misled by parts
/// that become safe several at a time.
/// </summary>
/// <param name="At">When the work began, or the last of it was safe.</param>
internal sealed record Pace(double Bytes, double Files, double Seconds, DateTimeOffset At)
{
    // Opening a file costs a request, many of them at a time: as long as so many bytes take, in the order of magnitude.
    private const double FileBytes = 64 * 1024;

    // Several parts are packed at a time, and may become safe together: a silence so many parts long is none.
    private const int PartsTogether = 4;

    // Shorter ones would follow every whim of a store, longer ones keep to what an album began with.
    private const double MemoryOfAlbum = 0.1;
    private const int LeastMemoryParts = 16;

    // A retry, or another node that takes over, needs less.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(1);

    internal static Pace From(DateTimeOffset at) => new(0, 0, 0, at);

    /// <summary>How much work a pace remembers well.</summary>
    internal static double MemoryBytesOf(PlanFrozen? plan) =>
        plan is null ? double.MaxValue : Math.Max(MemoryOfAlbum * plan.SizeBytes, LeastMemoryParts * plan.PartSizeBytes);

    internal double? BytesPerSecond => Seconds > 0 ? Bytes / Seconds : null;

    internal double? FilesPerSecond => Seconds > 0 ? Files / Seconds : null;

    /// <summary>Work begins again: the time since the last of it was a pause.</summary>
    internal Pace Resumed(DateTimeOffset at) => this with { At = at };

    /// <param name="memoryBytes">Work that many bytes ago counts a third.</param>
    internal Pace After(long bytes, int files, DateTimeOffset at, double memoryBytes)
    {
        var kept = Math.Exp(-WorkOf(bytes, files) / memoryBytes);
        var seconds = Math.Max((at - At).TotalSeconds, 0); // clocks of nodes differ
        return new((Bytes * kept) + bytes, (Files * kept) + files, (Seconds * kept) + seconds, at > At ? at : At);
    }

    /// <summary>How long what is left will take; <see langword="null"/> where nothing tells, or where nothing has happened for too long.</summary>
    internal double? SecondsFor(long bytes, int files, long partBytes, DateTimeOffset now)
    {
        if (Seconds <= 0)
        {
            return null;
        }

        var secondsPerByte = Seconds / WorkOf(Bytes, Files);
        var silence = Math.Max((now - At).TotalSeconds, 0);
        var expected = PartsTogether * partBytes * secondsPerByte;
        return silence < expected + LongestSilence.TotalSeconds
            ? Math.Max((WorkOf(bytes, files) * secondsPerByte) - Math.Min(silence, expected), 0)
            : null;
    }

    private static double WorkOf(double bytes, double files) => bytes + (files * FileBytes);
}
