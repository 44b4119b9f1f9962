using System.Diagnostics;
using System.Text.Json;

namespace Platform.Events;

/// <summary>
/// Why an event was written and by whom. It is ambient: the trace of <see cref="Activity.Current"/> is the correlation, its baggage
/// items <c>causation</c> and <c>by</c> are the rest. Never holds an e-mail address or a token.
/// </summary>
public sealed record EventMetadata(string? CorrelationId = null, string? CausationId = null, string? By = null)
{
    /// <summary>Baggage item: the id of the event or request that made this one happen.</summary>
    public const string CausationItem = "causation";

    /// <summary>Baggage item: who asked for it.</summary>
    public const string ByItem = "by";

    private static readonly ActivitySource Source = new("Platform.Events");

    /// <summary>The metadata of whatever is going on now.</summary>
    public static EventMetadata Current => Activity.Current is { } activity
        ? new(activity.TraceId.ToHexString(), activity.GetBaggageItem(CausationItem), activity.GetBaggageItem(ByItem))
        : new();

    // Marten keeps what it has no column for in headers.
    internal string? Headers => By is null ? null : JsonSerializer.Serialize(new Dictionary<string, string> { [ByItem] = By });

    internal static string? ByFrom(string? headers)
    {
        if (headers is null)
        {
            return null;
        }

        using var json = JsonDocument.Parse(headers);
        return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty(ByItem, out var by) ? by.ToString() : null;
    }

    /// <summary>Begins an activity in which whatever is written names <paramref name="e"/> as its cause and belongs to the same trace.</summary>
    internal static Activity Continue(RecordedEvent e, string name)
    {
        var activity = Source.CreateActivity(name, ActivityKind.Consumer) ?? new Activity(name);
        if (e.Metadata.CorrelationId is { Length: 32 } trace && trace.All(char.IsAsciiHexDigitLower))
        {
            activity.SetParentId(ActivityTraceId.CreateFromString(trace), ActivitySpanId.CreateRandom(), activity.ActivityTraceFlags);
        }

        activity.SetBaggage(CausationItem, e.Id.ToString());
        activity.SetBaggage(ByItem, e.Metadata.By);
        return activity.Start();
    }
}
