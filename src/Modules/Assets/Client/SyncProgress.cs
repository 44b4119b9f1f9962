using System.Globalization;

namespace Assets.Client;

/// <summary>Tells how far a run is: a bar on a terminal, a line now and then elsewhere. Safe from any thread.</summary>
/// <param name="isTerminal">Whether lines can be written over.</param>
internal sealed class SyncProgress(TextWriter output, bool isTerminal, TimeProvider clock)
{
    private const int BarWidth = 30;

    private static readonly TimeSpan OnTerminal = TimeSpan.FromMilliseconds(100);

    // A log that nobody reads while it grows wants few lines, but a CI that hears nothing for minutes gives up.
    private static readonly TimeSpan InLog = TimeSpan.FromSeconds(10);

    private readonly Lock guard = new();
    private string step = "";
    private int? total;
    private long saidAt;

    /// <param name="totalItems"><see langword="null"/> where nobody knows yet.</param>
    public void Begin(string name, int? totalItems)
    {
        lock (guard)
        {
            (step, total, saidAt) = (name, totalItems, clock.GetTimestamp());
        }
    }

    public void Advance(int done)
    {
        lock (guard)
        {
            if (clock.GetElapsedTime(saidAt) < (isTerminal ? OnTerminal : InLog))
            {
                return;
            }

            saidAt = clock.GetTimestamp();
            var line = total is { } all and > 0
                ? string.Create(CultureInfo.InvariantCulture, $"{step} {Bar(done, all)} {done} of {all}")
                : string.Create(CultureInfo.InvariantCulture, $"{step} {done}");
            output.Write(isTerminal ? $"\r{line}\u001b[K" : $"{line}\n");
        }
    }

    public void End(string sentence) => Say(sentence);

    public void Say(string sentence)
    {
        lock (guard)
        {
            output.Write(isTerminal ? $"\r{sentence}\u001b[K\n" : $"{sentence}\n");
        }
    }

    private string Bar(int done, int all) => isTerminal
        ? $"[{new string('#', BarWidth * Math.Min(done, all) / all)}{new string('.', BarWidth - (BarWidth * Math.Min(done, all) / all))}]"
        : "…";
}
