using System.Diagnostics.Metrics;

namespace Platform.Events;

internal static class EventMeters
{
    private static readonly Meter Meter = new("Platform.Events");

    public static readonly Counter<long> Appended = Meter.CreateCounter<long>("events.appended", "{event}");

    public static readonly Counter<long> Conflicts = Meter.CreateCounter<long>("events.conflicts", "{append}");

    /// <summary>Events of the log a subscription has not seen yet.</summary>
    public static readonly Gauge<long> Lag = Meter.CreateGauge<long>("events.subscription.lag", "{event}");
}
