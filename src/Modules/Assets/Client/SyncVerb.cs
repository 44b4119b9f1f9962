using System.Globalization;
using System.Net;
using System.Text.Json;
using Assets.Images;
using Microsoft.Extensions.Configuration;
using Platform;
using Platform.Events;
using Platform.Images;

namespace Assets.Client;

/// <summary><c>Host assets …</c>: what a build server runs. It talks to the API and the store's links only.</summary>
internal static class SyncVerb
{
    internal const string Usage = """
        Usage: Host assets sync DIR --site NAME [OPTION …]

               assets images DIR [--out DIR] [--base URL] [--rules FILE] [--json]      make pictures for pages: widths, formats, srcset
               assets bucket-setup BUCKET [ORIGIN …]      print the CORS and policy documents a bucket needs
               assets bucket-setup --apply [ORIGIN …]     give the bucket of Storage__S3__… CORS and an end of abandoned uploads
               assets audit --site NAME [--repair]      compare the store with what the releases of a site need
               assets activate RELEASE --site NAME [--environment E]      serve another release that is kept: a rollback

          --environment E         production (default), staging or development
          --dry-run               say what would be sent and what it costs, and change nothing
          --delete                files that are served but not in DIR go
          --allow-mass-removal    also where most files would go
          --full                  look for lost files also where nothing changed: after an audit that repaired
          --include GLOB          only files that match one of these; repeatable. *.jpg, images/**
          --exclude GLOB          not files that match; repeatable. Names that begin with a dot are left out anyway
          --cache FILE            where hashes of files are kept (default: in the user's cache folder)
          --manifest FILE         write the release's manifest: for each path the address of its bytes
          --json                  print the result as one JSON object

        Settings: Assets__Url, the address of the API; Assets__ApiKey, a key for the site. Without them nothing else is needed.

        Exit codes: 0 the site serves what is in DIR; 1 refused; 2 wrong arguments or settings; 3 another sync took its place;
        65 DIR cannot become a release, the lines before say why; 75 the API or the store is away: run the same again, it goes on.
        """;

    private const int Refused = 1;
    private const int Superseded = 3;
    private const int FolderRefused = 65; // sysexits.h: EX_DATAERR
    private const int TryLater = 75; // sysexits.h: EX_TEMPFAIL

    /// <exception cref="StartupException">Arguments or settings are wrong.</exception>
    internal static async Task<int> RunAsync(string[] arguments, IConfiguration configuration, CancellationToken stopped)
    {
        var clock = TimeProvider.System;
        var progress = new SyncProgress(Console.Error, !Console.IsErrorRedirected && string.IsNullOrEmpty(configuration["CI"]), clock);
        try
        {
            switch (arguments)
            {
                case ["bucket-setup", "--apply", .. var origins]:
                    return await BucketSetup.ApplyAsync(configuration, origins.Length == 0 ? ["*"] : origins, stopped) ? 0 : Refused;
                case ["bucket-setup", var bucket, .. var origins]:
                    await Console.Out.WriteLineAsync(BucketSetup.Document(bucket, origins.Length == 0 ? ["*"] : origins));
                    return 0;
                case ["images", .. var rest]:
                    return await ImagesVerb.Parse(rest).RunAsync(progress, clock, stopped);
                default:
                    return await RunWithApiAsync(Parse(arguments), configuration, progress, clock, stopped);
            }
        }
        catch (FolderRefusedException e)
        {
            return Say(FolderRefused, string.Join('\n', e.Problems));
        }
        catch (SiteApiException e)
        {
            return Say(e.Code == "SYNC_SUPERSEDED" ? Superseded : Refused, $"{e.Message} {e.Code}".TrimEnd());
        }
        catch (CommandRefusedException e)
        {
            return Say(FolderRefused, $"{e.Message} {e.Code}");
        }
        catch (FileChangedException e)
        {
            return Say(TryLater, e.Message);
        }
        catch (HttpRequestException e)
        {
            return Say(TryLater, $"{e.Message} Run the same again later: it goes on where it stopped.");
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
            return Say(TryLater, "Told to stop. Run the same again: it goes on where it stopped.");
        }
    }

    private static async Task<int> RunWithApiAsync(
        SyncOptions options, IConfiguration configuration, SyncProgress progress, TimeProvider clock, CancellationToken stopped)
    {
        using var http = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.None, AllowAutoRedirect = false })
        {
            BaseAddress = ApiOf(configuration["Assets:Url"]),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        var api = new SiteApi(http, configuration["Assets:ApiKey"], options.Site, clock);
        if (options.Audit is { } audit)
        {
            var report = await api.AuditAsync(audit, stopped);
            await Console.Out.WriteLineAsync(JsonSerializer.Serialize(report, JsonSerializerOptions.Web));
            return report.Missing.Count == 0 ? 0 : Refused;
        }

        if (options.Activate is { } number)
        {
            await api.ActivateAsync(number, new ActivateRelease(options.Environment), stopped);
            await Console.Out.WriteLineAsync($"{options.Environment} serves release {number}.");
            return 0;
        }

        await using var workers = new ImageWorkers(Environment.ProcessorCount);
        using var run = new SyncRun(api, workers, options, progress, clock);
        var result = await run.RunAsync(stopped);
        if (options.ManifestFile is { } file && result.Release is { } release)
        {
            var manifest = await api.GetManifestAsync(release, stopped);
            await File.WriteAllTextAsync(file, JsonSerializer.Serialize(manifest, JsonSerializerOptions.Web), stopped);
        }

        await Console.Out.WriteLineAsync(options.Json ? JsonSerializer.Serialize(result, JsonSerializerOptions.Web) : Sentence(result));
        return 0;
    }

    internal static SyncOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = arguments switch
        {
            ["sync", { } folder, ..] when Directory.Exists(folder) => new SyncOptions { Folder = folder, Site = "" },
            ["sync", { } folder, ..] => throw new StartupException($"There is no folder {folder}."),
            ["activate", { } number, ..] when int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var release) =>
                new SyncOptions { Folder = "", Site = "", Activate = release },
            ["audit", ..] => new SyncOptions { Folder = "", Site = "", Audit = new AuditSite() },
            _ => throw new StartupException("There is no such command: assets --help lists them."),
        };
        var rest = new Queue<string>(arguments.Skip(options.Audit is null ? 2 : 1));
        while (rest.TryDequeue(out var name))
        {
            options = name switch
            {
                "--repair" when options.Audit is not null => options with { Audit = new AuditSite(Repair: true) },
                "--site" => options with { Site = Value() },
                "--environment" => options with { Environment = Value() },
                "--dry-run" => options with { DryRun = true },
                "--delete" => options with { Delete = true },
                "--allow-mass-removal" => options with { AllowMassRemoval = true },
                "--full" => options with { Full = true },
                "--include" => options with { Includes = [.. options.Includes, Value()] },
                "--exclude" => options with { Excludes = [.. options.Excludes, Value()] },
                "--cache" => options with { CacheFile = Value() },
                "--manifest" => options with { ManifestFile = Value() },
                "--json" => options with { Json = true },
                _ => throw new StartupException($"There is no option {name}: assets --help lists them."),
            };

            string Value() => rest.TryDequeue(out var value) ? value : throw new StartupException($"{name} wants a value.");
        }

        return options.Site.Length == 0
            ? throw new StartupException("--site is missing: which site is it?")
            : options;
    }

    private static Uri ApiOf(string? setting) =>
        Uri.TryCreate(setting, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? url
            : throw new StartupException("Assets__Url is missing: the address of the API, such as https://photos.example.com.");

    private static string Sentence(SyncResult result)
    {
        var counts = string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Files} files of {result.SizeBytes} bytes, {result.UnchangedFiles} unchanged, {result.RemovedFiles} removed");
        return result.Outcome switch
        {
            "unchanged" => $"Nothing changed: {result.Environment} serves release {result.Release}, {counts}.",
            "dry-run" => string.Create(
                CultureInfo.InvariantCulture,
                $"Would send {result.UploadedObjects} objects, {result.UploadedBytes} bytes: {counts}. About ${result.Cost!.OperationsUsd:0.0000} for {result.Cost.ClassAOperations} writes and {result.Cost.ClassBOperations} reads, and ${result.Cost.StorageUsdPerMonth:0.0000} a month."),
            _ => string.Create(
                CultureInfo.InvariantCulture,
                $"{result.Environment} serves release {result.Release}: {counts}; {result.UploadedObjects} objects, {result.UploadedBytes} bytes sent in {result.Seconds} s."),
        };
    }

    private static int Say(int exitCode, string sentence)
    {
        Console.Error.WriteLine(sentence);
        return exitCode;
    }
}
