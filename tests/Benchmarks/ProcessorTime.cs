using System.Diagnostics;

namespace Benchmarks;

/// <summary>Wall and processor time of a piece of work: of this process, and of a server with all its children, living and ended.</summary>
internal sealed class ProcessorTime(int serverProcessId)
{
    // The kernel's clock tick, USER_HZ: 100 a second on every Linux.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);

    public async Task<Spent> MeasureAsync(Func<Task> work)
    {
        GC.Collect();
        var (client, server, watch) = (Client(), Server(), Stopwatch.StartNew());
        await work();
        watch.Stop();
        return new Spent(watch.Elapsed, Client() - client, Server() - server);
    }

    private static TimeSpan Client()
    {
        using var self = Process.GetCurrentProcess();
        return self.TotalProcessorTime;
    }

    private TimeSpan Server()
    {
        var ticks = 0L;
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0])))
        {
            // proc(5): behind the name in parentheses, ppid is the 2nd field; utime, stime, cutime and cstime the 12th to 15th.
            if (Read($"{folder}/stat") is { } stat)
            {
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                var isServer = Path.GetFileName(folder) == $"{serverProcessId}";
                if (isServer || fields[1] == $"{serverProcessId}")
                {
                    ticks += fields[11..(isServer ? 15 : 13)].Sum(long.Parse);
                }
            }
        }

        return Tick * ticks;

        static string? Read(string path)
        {
            try
            {
                return File.ReadAllText(path);
            }
            catch (IOException)
            {
                return null;
            }
        }
    }
}

internal readonly record struct Spent(TimeSpan Wall, TimeSpan Client, TimeSpan Server);
