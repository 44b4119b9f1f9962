using System.Diagnostics.Metrics;
using Platform.Costs;

namespace Platform.Storage;

/// <summary>What some work asked of the store, by price class. Safe from any thread; one for the process, and one for each job that wants its own.</summary>
public sealed class WorkMeter
{
    private readonly Histogram<double>? latency;
    private long classA;
    private long classB;
    private long free;
    private long bytesIn;
    private long bytesOut;
    private long bytesCopied;

    public WorkMeter()
    {
    }

    /// <summary>
    /// A meter that is published: <c>storage.operations</c>, <c>storage.bytes</c>, <c>storage.throttled</c> and <c>storage.duration</c> of meter
    /// <c>Platform.Storage</c>.
    /// </summary>
    internal WorkMeter(IMeterFactory factory, IStore store)
    {
        var meter = factory.Create("Platform.Storage");
        meter.CreateObservableCounter("storage.operations", () => new[] { Of(ClassAOperations, "a"), Of(ClassBOperations, "b"), Of(FreeOperations, "free") });
        meter.CreateObservableCounter("storage.bytes", () => new[] { Of(BytesIn, "in"), Of(BytesOut, "out"), Of(BytesCopied, "copied") }, "By");
        meter.CreateObservableCounter("storage.throttled", () => store.Throttled, description: "Answers that asked for fewer requests.");
        latency = meter.CreateHistogram<double>("storage.duration", "s");

        static Measurement<long> Of(long value, string kind) => new(value, new KeyValuePair<string, object?>("kind", kind));
    }

    /// <summary>Writes, copies, lists, and the steps of multipart uploads.</summary>
    public long ClassAOperations => Interlocked.Read(ref classA);

    /// <summary>Reads of objects and of their metadata.</summary>
    public long ClassBOperations => Interlocked.Read(ref classB);

    /// <summary>Deletions and aborts.</summary>
    public long FreeOperations => Interlocked.Read(ref free);

    /// <summary>Bytes sent into the store and acknowledged. Those that the store copied inside are not among them.</summary>
    public long BytesIn => Interlocked.Read(ref bytesIn);

    /// <summary>Bytes that came out of the store.</summary>
    public long BytesOut => Interlocked.Read(ref bytesOut);

    /// <summary>Bytes of parts that the store copied inside.</summary>
    public long BytesCopied => Interlocked.Read(ref bytesCopied);

    internal void Add(in Usage usage)
    {
        Interlocked.Add(ref classA, usage.ClassAOperations);
        Interlocked.Add(ref classB, usage.ClassBOperations);
        Interlocked.Add(ref free, usage.FreeOperations);
        Interlocked.Add(ref bytesIn, usage.BytesIn);
        Interlocked.Add(ref bytesOut, usage.BytesOut);
    }

    internal void CountCopied(long bytes) => Interlocked.Add(ref bytesCopied, bytes);

    internal void Took(TimeSpan duration, string operation, bool succeeded) =>
        latency?.Record(
            duration.TotalSeconds,
            new KeyValuePair<string, object?>("operation", operation),
            new KeyValuePair<string, object?>("succeeded", succeeded));
}
