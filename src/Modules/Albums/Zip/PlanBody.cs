using System.Buffers;
using System.Text.Json;
using Platform.Storage;

namespace Albums.Zip;

/// <summary>
/// A plan as JSON, made as it is read, some entries at a time: 50,000 of them are 15 MB that never lie in memory at once. A store that
/// wants it again gets it again, from the beginning.
/// </summary>
internal sealed class PlanBody : ReadOnlyStream
{
    private const int EntriesAtATime = 128;

    private readonly ZipPlan plan;
    private readonly ArrayBufferWriter<byte> made = new();
    private readonly Utf8JsonWriter json;
    private int entries; // made so far
    private int taken; // bytes of what is made
    private long position;

    internal PlanBody(ZipPlan plan)
    {
        this.plan = plan;
        json = new Utf8JsonWriter(made);
        Rewind();
    }

    public override bool CanSeek => true;

    /// <summary>Only back to the beginning, or to where it is.</summary>
    public override long Position
    {
        get => position;
        set
        {
            if (value == 0)
            {
                Rewind();
            }
            else if (value != position)
            {
                throw new NotSupportedException("A plan is read from its beginning.");
            }
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (taken == made.WrittenCount && entries < plan.Entries.Count)
        {
            made.ResetWrittenCount();
            taken = 0;
            MakeMore();
        }

        var count = Math.Min(buffer.Length, made.WrittenCount - taken);
        made.WrittenSpan.Slice(taken, count).CopyTo(buffer.Span);
        taken += count;
        position += count;
        return new(count);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            json.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Rewind()
    {
        made.ResetWrittenCount();
        json.Reset();
        (entries, taken, position) = (0, 0, 0);
        json.WriteStartObject();
        json.WriteNumber(nameof(ZipPlan.LayoutVersion), plan.LayoutVersion);
        json.WriteNumber(nameof(ZipPlan.PartSizeBytes), plan.PartSizeBytes);
        json.WriteStartArray(nameof(ZipPlan.Entries));
        MakeMore();
    }

    private void MakeMore()
    {
        var end = Math.Min(entries + EntriesAtATime, plan.Entries.Count);
        for (; entries < end; entries++)
        {
            JsonSerializer.Serialize(json, plan.Entries[entries]);
        }

        if (entries == plan.Entries.Count)
        {
            json.WriteEndArray();
            if (plan.VolumeStarts is { } starts)
            {
                json.WritePropertyName(nameof(ZipPlan.VolumeStarts));
                JsonSerializer.Serialize(json, starts);
            }

            json.WriteEndObject();
        }

        json.Flush();
    }
}
