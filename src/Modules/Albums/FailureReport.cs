using Platform.Events;

namespace Albums;

// Stream failure_report-admins. These shapes are the storage format: add members, never rename or remove one.

/// <summary>Admins are to hear that albums failed since the report before.</summary>
/// <param name="Count">How many of them are still failed.</param>
/// <param name="First">Some of them, in the order in which they failed.</param>
/// <param name="UpTo">Number of the last failure that it is about, as the read model counts them.</param>
internal sealed record FailuresReported(int Count, IReadOnlyList<Guid> First, long UpTo, DateTimeOffset At);

/// <summary>What admins heard of failures. The first is reported at once; while albums go on to fail, they are told together now and then.</summary>
internal sealed record FailureReport(FailuresReported? Last) : IState<FailureReport, FailuresReported>
{
    internal const string StreamId = "admins";

    // Long enough that an outage of a night is some dozens of mails, short enough that somebody who repairs something sees that it was not all.
    internal static readonly TimeSpan Interval = TimeSpan.FromMinutes(15);

    public static string Category => "failure_report";

    public static FailureReport Initial { get; } = new(Last: null);

    internal long UpTo => Last?.UpTo ?? 0;

    public static FailureReport Evolve(FailureReport state, FailuresReported e) => new(e);

    internal static IReadOnlyList<FailuresReported> Decide(FailureReport state, FailuresReported next) =>
        next.Count > 0 && next.UpTo > state.UpTo && (state.Last is not { } last || next.At >= last.At + Interval) ? [next] : [];
}
