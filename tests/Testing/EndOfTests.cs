using System.Collections.Concurrent;

namespace Testing;

/// <summary>
/// Gives back what this process started or made on a server. Every test project has it as an assembly fixture (<c>Directory.Build.props</c>):
/// once a run of tests has returned, its process is ended within ten seconds as a failure. Other programs give it back as they exit.
/// </summary>
public sealed class EndOfTests : IAsyncDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private static readonly ConcurrentStack<Func<Task>> Endings = new();

    static EndOfTests() => AppDomain.CurrentDomain.ProcessExit += (_, _) => RunAsync().Wait(Longest);

    internal static void Do(Func<Task> ending) => Endings.Push(ending);

    public async ValueTask DisposeAsync() => await RunAsync();

    private static async Task RunAsync()
    {
        while (Endings.TryPop(out var ending))
        {
            await ending();
        }
    }
}
