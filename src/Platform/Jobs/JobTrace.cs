using System.Diagnostics;
using System.Text.Json;

namespace Platform.Jobs;

/// <summary>
/// Carries correlation from who queues a job to who runs it: W3C trace context and baggage (causation, by) as strings in the job's
/// data. The job becomes a part of the trace that asked for it, so its events have the same correlation.
/// </summary>
internal static class JobTrace
{
    internal const string SourceName = "Platform.Jobs";
    private static readonly ActivitySource Source = new(SourceName);

    internal static (string Parent, string Baggage)? Capture() => Activity.Current is { Id: { } id } current
        ? (id, JsonSerializer.Serialize(current.Baggage.DistinctBy(item => item.Key).ToDictionary()))
        : null;

    /// <summary>Starts the activity of one attempt, also where nobody listens: events take their metadata from it.</summary>
    internal static Activity Start(string kind, string? parent, string? baggage)
    {
        var activity = Create($"job {kind}", parent);

        foreach (var (key, value) in JsonSerializer.Deserialize<Dictionary<string, string?>>(baggage ?? "{}")!)
        {
            activity.AddBaggage(key, value);
        }

        return activity.Start();
    }

    private static Activity Create(string name, string? parent) =>
        Source.CreateActivity(name, ActivityKind.Consumer, parent)
        ?? (parent is null ? new Activity(name) : new Activity(name).SetParentId(parent));
}
