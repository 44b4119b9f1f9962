using System.Diagnostics;
using Xunit;

namespace Host.Tests;

/// <summary>The host as users start it: a process with settings in its environment.</summary>
internal sealed class HostProcess : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("host-").FullName;

    internal string Folder => folder;

    /// <summary>Where these tests were built from.</summary>
    internal static string Repository { get; } = FindRepository();

    internal Process Start(Dictionary<string, string> settings, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(Program).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        foreach (var (key, value) in settings)
        {
            start.Environment[key] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>Runs the host until it ends by itself, at most for five minutes.</summary>
    internal async Task<(int ExitCode, string Output, string Error)> RunAsync(
        Dictionary<string, string> settings, params string[] arguments)
    {
        using var process = Start(settings, arguments);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(5));
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(patience.Token);
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return (process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    private static string FindRepository()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Monolith.sln")))
        {
            directory = directory.Parent!;
        }

        return directory.FullName;
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
