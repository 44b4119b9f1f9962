using System.Collections.Concurrent;
using Platform.Storage;

namespace Albums.Zip;

/// <summary>
/// Learns the CRC-32 of every entry from the segments that parts have read, in any order and from any attempt.
/// A header can be written once its entry's CRC is known here.
/// </summary>
internal sealed class CrcLedger(ZipPlan plan)
{
    private const long Unknown = -1;

    // Of 50,000 entries nearly all are read in one piece: these cost eight bytes each, and only those in several pieces or waited for more.
    private readonly long[] settled = Enumerable.Repeat(Unknown, plan.Entries.Count).ToArray();
    private readonly ConcurrentDictionary<int, Entry> unsettled = new();
    private readonly TaskCompletionSource<uint> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>No more parts are read: who waits for a CRC that is not known yet waits in vain, and gets an <see cref="OperationCanceledException"/>.</summary>
    internal bool HasEnded => ended.Task.IsCanceled;

    internal void End() => ended.TrySetCanceled();

    /// <summary>
    /// Adds what a part has read of an entry. The last segment settles the entry's CRC. That of an entry which the store copied a part of is
    /// not looked at again.
    /// </summary>
    /// <exception cref="SourceLostException">The bytes are not those the plan knew a CRC of.</exception>
    internal void Add(Segment segment)
    {
        if (segment.Crc32 is null)
        {
            return;
        }

        var planned = plan.Entries[segment.Entry];
        if (Volatile.Read(ref settled[segment.Entry]) != Unknown || CrcOf(segment, planned.SizeBytes) is not { } crc32)
        {
            return;
        }

        if (planned.Crc32 is { } known && known != crc32)
        {
            throw new SourceLostException(segment.Entry, "its content is damaged in the store");
        }

        Volatile.Write(ref settled[segment.Entry], crc32);
        if (unsettled.TryRemove(segment.Entry, out var entry))
        {
            entry.Settled.TrySetResult(crc32);
        }
    }

    private uint? CrcOf(Segment segment, long wholeBytes) =>
        segment.SizeBytes == wholeBytes
            ? segment.Crc32
            : unsettled.GetOrAdd(segment.Entry, static _ => new Entry()).Add(segment, wholeBytes);

    /// <summary>The CRC of an entry, as soon as it is known.</summary>
    internal ValueTask<uint> OfAsync(int entry, CancellationToken cancellationToken) =>
        plan.Entries[entry] is { SizeBytes: 0 } ? new(0)
        : plan.Entries[entry].Crc32 is { } known ? new(known)
        : Volatile.Read(ref settled[entry]) is not Unknown and var settledCrc32 ? new((uint)settledCrc32)
        : WaitAsync(entry, cancellationToken);

    private async ValueTask<uint> WaitAsync(int entry, CancellationToken cancellationToken)
    {
        var waiting = unsettled.GetOrAdd(entry, static _ => new Entry());

        // It may have been settled, and forgotten as unsettled, just before.
        return Volatile.Read(ref settled[entry]) is not Unknown and var crc32
            ? (uint)crc32
            : await await Task.WhenAny(waiting.Settled.Task, ended.Task).WaitAsync(cancellationToken);
    }

    private sealed class Entry
    {
        private readonly Lock adding = new();
        private SortedList<long, Segment>? segments;
        private long sizeBytes;

        internal TaskCompletionSource<uint> Settled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal uint? Add(Segment segment, long wholeBytes)
        {
            lock (adding)
            {
                segments ??= [];
                if (!segments.TryAdd(segment.OffsetBytes, segment))
                {
                    return null;
                }

                sizeBytes += segment.SizeBytes;
                return sizeBytes == wholeBytes
                    ? segments.Values.Aggregate(0u, (crc, next) => Crc32.Combine(crc, next.Crc32!.Value, next.SizeBytes))
                    : null;
            }
        }
    }
}

/// <summary>A file cannot be read as planned any more: gone, replaced or damaged. The album goes on without it.</summary>
/// <param name="mayComeBack">It is on a server of others, which may only be out of order.</param>
internal sealed class SourceLostException(int entry, string reason, bool mayComeBack = false) : Exception($"Entry {entry}: {reason}.")
{
    internal int Entry { get; } = entry;

    /// <summary>For people; it stands in <c>_MISSING.txt</c>.</summary>
    internal string Reason { get; } = reason;

    internal bool MayComeBack { get; } = mayComeBack;
}
