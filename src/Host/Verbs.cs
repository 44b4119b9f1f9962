using System.Runtime.InteropServices;
using System.Text.Json;
using Albums;
using Assets;
using Platform;
using Platform.Events;
using Platform.Images;

namespace Host;

/// <summary>What the command line asks for. Arguments with two hyphens are settings, as everywhere in .NET.</summary>
internal static class Verbs
{
    private const string Usage = """
        Usage: Host [VERB] [--Setting:Name=value …]

          serve               answers requests and runs jobs, as the setting Roles says (the default)
          albums …            packs one album in a process of its own: albums --help
          assets …            brings a folder to a site, from a build server: assets --help
          streams show ID     prints every event of a stream, one JSON object a line; ID as in album-0198…

        Settings are environment variables (Storage__Provider=S3) or arguments (--Storage:Provider=S3): docs/operations.md lists them.
        """;

    internal static async Task<int> RunAsync(WebApplication app, string[] args)
    {
        switch (args.Where(arg => !arg.StartsWith("--", StringComparison.Ordinal)).ToArray())
        {
            case [] or ["serve"]:
                await app.RunAsync();
                return 0;
            case ["albums", .. var arguments]:
                return await RunAlbumsAsync(app.Services, arguments);
            case ["streams", "show", var stream]:
                return await ShowStreamAsync(app.Services.GetRequiredService<EventStore>(), stream);
            case var unknown:
                throw new StartupException($"There is no command `{string.Join(' ', unknown)}`: --help lists them.");
        }
    }

    /// <summary>
    /// Runs what needs no host: help; <c>assets</c>, whose options are its own; and <c>image-worker</c>, which this program starts itself. Returns
    /// the exit code, or <see langword="null"/>.
    /// </summary>
    internal static async Task<int?> RunAloneAsync(string[] args)
    {
        if (args.Contains("--help"))
        {
            Console.WriteLine(args switch
            {
                ["albums", ..] => AlbumsModule.VerbUsage,
                ["assets", ..] => AssetsModule.VerbUsage,
                _ => Usage,
            });
            return 0;
        }

        return args switch
        {
            ["assets", .. var arguments] => await UntilStoppedAsync(stopped => AssetsModule.RunAssetsVerbAsync(
                arguments, new ConfigurationBuilder().AddEnvironmentVariables().Build(), stopped)),
            ["image-worker"] => await UntilStoppedAsync(_ => ImageWorker.RunAsync(CancellationToken.None)),
            _ => null,
        };
    }

    private static Task<int> RunAlbumsAsync(IServiceProvider services, string[] arguments) =>
        UntilStoppedAsync(stopped => services.RunAlbumsVerbAsync(arguments, stopped));

    // No host runs here that would handle the signals.
    private static async Task<int> UntilStoppedAsync(Func<CancellationToken, Task<int>> run)
    {
        using var stopped = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        return await run(stopped.Token);

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopped.Cancel();
        }
    }

    private static async Task<int> ShowStreamAsync(EventStore store, string stream)
    {
        var found = false;
        await foreach (var e in store.ReadAsync(stream, fromVersion: 1, CancellationToken.None))
        {
            found = true;
            var line = JsonSerializer.Serialize(new { e.Version, e.Type, e.RecordedAt, e.Metadata, Event = e.Payload });
            await Console.Out.WriteLineAsync(line);
        }

        return found ? 0 : throw new StartupException($"There is no stream {stream}.") { ExitCode = 1 };
    }
}
