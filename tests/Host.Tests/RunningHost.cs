using System.Diagnostics;
using System.Runtime.InteropServices;
using Xunit;

namespace Host.Tests;

/// <summary>A host that runs as a process of its own, to be killed.</summary>
internal sealed class RunningHost : IAsyncDisposable
{
    private const string ListensAt = "Now listening on: ";

    // Who follows an album waits for one answer until it is made.
    private static readonly TimeSpan LongestAnswer = TimeSpan.FromMinutes(5);

    private readonly Process process;

    private RunningHost(Process process, HttpClient client)
    {
        this.process = process;
        Client = client;
    }

    internal HttpClient Client { get; }

    internal int ProcessId => process.Id;

    /// <summary>Starts it and returns as soon as it is ready.</summary>
    internal static async Task<RunningHost> StartAsync(Dictionary<string, string> settings)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(Program).Assembly.Location])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (key, value) in settings)
        {
            start.Environment[key] = value;
        }

        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        var address = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Read(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => Read(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await Task.WhenAny(address.Task, process.WaitForExitAsync(TestContext.Current.CancellationToken));
        Assert.True(address.Task.IsCompleted, "The host did not start.");
        var running = new RunningHost(process, new HttpClient { BaseAddress = await address.Task, Timeout = LongestAnswer });
        while (!await running.IsReadyAsync())
        {
            Assert.False(process.HasExited, "The host did not start.");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        return running;

        void Read(string line)
        {
            TestContext.Current.SendDiagnosticMessage(line);
            if (line.Split(ListensAt) is [_, var url])
            {
                address.TrySetResult(new Uri(url));
            }
        }
    }

    /// <summary>Bytes it has read from files so far, as the kernel counts them.</summary>
    internal long BytesRead() => long.Parse(File.ReadLines($"/proc/{process.Id}/io").First(line => line.StartsWith("rchar", StringComparison.Ordinal))["rchar: ".Length..], null);

    /// <summary>As the kernel does when memory runs out: no time for anything.</summary>
    internal async Task KillAsync()
    {
        process.Kill(); // SIGKILL
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>As a machine does that swaps, or is moved to another: no thread runs until <see cref="GoOn"/>.</summary>
    internal void Pause() => Assert.Equal(0, SendSignal(process.Id, 19)); // SIGSTOP

    internal void GoOn() => Assert.Equal(0, SendSignal(process.Id, 18)); // SIGCONT

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!process.HasExited)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }

        process.Dispose();
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int SendSignal(int processId, int signal);

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await Client.GetAsync("/health/ready", TestContext.Current.CancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
