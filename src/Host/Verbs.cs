using System.Text.Json;
using Platform;
using Platform.Events;

namespace Host;

/// <summary>What the command line asks for. Arguments with two hyphens are settings, as everywhere in .NET.</summary>
internal static class Verbs
{
    private const string Usage = """
        Usage: Host [VERB] [--Setting:Name=value …]

          serve               answers requests and runs jobs, as the setting Roles says (the default)
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
            case ["streams", "show", var stream]:
                return await ShowStreamAsync(app.Services.GetRequiredService<EventStore>(), stream);
            case var unknown:
                throw new StartupException($"There is no command `{string.Join(' ', unknown)}`: --help lists them.");
        }
    }

    internal static int Help()
    {
        Console.WriteLine(Usage);
        return 0;
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
