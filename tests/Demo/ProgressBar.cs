using System.Diagnostics;
using System.Globalization;

namespace Demo;

/// <summary>Progress in bytes: a bar on a terminal, else a line now and then. May be told from several threads.</summary>
internal sealed class ProgressBar(string label, long totalBytes) : IDisposable
{
    private const int Cells = 30;
    private static readonly TimeSpan LinePause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BarPause = TimeSpan.FromMilliseconds(100);

    private readonly Lock gate = new();
    private readonly Stopwatch sinceStart = Stopwatch.StartNew();
    private TimeSpan next = Console.IsOutputRedirected ? LinePause : TimeSpan.Zero;
    private long doneBytes;
    private long shownBytes = -1;
    private bool finished;

    /// <summary>More bytes are done; negative where some must be done again.</summary>
    public void Add(long bytes) => Show(Interlocked.Add(ref doneBytes, bytes));

    /// <summary>So many bytes are done in all, as somebody else counts.</summary>
    public void Set(long bytes, long ofBytes = 0)
    {
        if (ofBytes > 0)
        {
            totalBytes = ofBytes;
        }

        Interlocked.Exchange(ref doneBytes, bytes);
        Show(bytes);
    }

    public void Finish()
    {
        lock (gate)
        {
            finished = true;
            Interlocked.Exchange(ref doneBytes, totalBytes);
            if (!Console.IsOutputRedirected || shownBytes != totalBytes)
            {
                Write(totalBytes);
            }

            if (!Console.IsOutputRedirected)
            {
                Console.WriteLine();
            }
        }
    }

    /// <summary>Where it was cut short, what comes next begins on a line of its own.</summary>
    public void Dispose()
    {
        if (!finished && !Console.IsOutputRedirected)
        {
            Console.WriteLine();
        }
    }

    private void Show(long bytes)
    {
        lock (gate)
        {
            if (finished || sinceStart.Elapsed < next)
            {
                return;
            }

            next = sinceStart.Elapsed + (Console.IsOutputRedirected ? LinePause : BarPause);
            Write(bytes);
        }
    }

    private void Write(long bytes)
    {
        shownBytes = bytes;
        var share = totalBytes == 0 ? 1 : Math.Clamp((double)bytes / totalBytes, 0, 1);
        var rate = bytes / 1e6 / Math.Max(sinceStart.Elapsed.TotalSeconds, 0.001);
        var figures = string.Create(CultureInfo.InvariantCulture, $"{share,4:0%}  {bytes / 1e6,7:0.0} of {totalBytes / 1e6:0.0} MB  {rate,5:0} MB/s");
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine($"  {label,-12} {figures}");
            return;
        }

        var full = (int)(share * Cells);
        Console.Write($"\r  {label,-12} {new string('█', full)}{new string('░', Cells - full)} {figures}\u001b[K");
    }
}
