using System.Globalization;
using System.Text.Json;
using Assets.Client;
using Platform;
using Platform.Images;

namespace Assets.Images;

/// <summary><c>Host assets images</c>: pictures for a site that is yet to be built. It asks nobody.</summary>
internal sealed record ImagesVerb
{
    public required string Source { get; init; }

    public string? Target { get; init; }

    public string? Address { get; init; }

    public string? RulesFile { get; init; }

    public bool Json { get; init; }

    private string Out => Path.GetFullPath(Target ?? Path.Combine(Source, MakeImages.SyncFolder));

    /// <returns>0; 1 where a picture was refused.</returns>
    /// <exception cref="StartupException">Arguments are wrong, or libvips is missing.</exception>
    /// <exception cref="FolderRefusedException"/>
    internal async Task<int> RunAsync(SyncProgress progress, TimeProvider clock, CancellationToken cancellationToken)
    {
        var rules = await RulesAsync(cancellationToken);
        var cache = await HashCache.OpenAsync(HashCache.DefaultFile(Source), clock.GetUtcNow(), cancellationToken);
        var inside = Path.GetRelativePath(Source, Out).Replace('\\', '/');
        progress.Begin("Hashing", null);
        var scan = await new FolderScan(Source, new GlobFilter([], [$"{inside}/**"]), cache).RunAsync(progress.Advance, cancellationToken);
        await cache.SaveAsync(cancellationToken);
        if (scan.Problems.Count > 0)
        {
            throw new FolderRefusedException(scan.Problems);
        }

        progress.Begin("Making images", null);
        await using var workers = new ImageWorkers(Environment.ProcessorCount);
        var run = await new MakeImages(workers, Out, Address ?? $"/{Path.GetFileName(Out)}/")
            .RunAsync(scan.Files, rules, progress.Advance, cancellationToken);
        foreach (var line in run.Refused)
        {
            progress.Say(line);
        }

        await Console.Out.WriteLineAsync(Json
            ? JsonSerializer.Serialize(new { images = run.Manifest.Images.Count, run.Made, run.Unchanged, run.Refused, folder = Out }, JsonSerializerOptions.Web)
            : string.Create(CultureInfo.InvariantCulture, $"{run.Made} images made, {run.Unchanged} unchanged, {run.Refused.Count} refused: {Out}"));
        return run.Refused.Count == 0 ? 0 : 1;
    }

    /// <param name="arguments">Those behind <c>images</c>.</param>
    internal static ImagesVerb Parse(IReadOnlyList<string> arguments)
    {
        var verb = arguments is [{ } folder, ..] && Directory.Exists(folder)
            ? new ImagesVerb { Source = Path.GetFullPath(folder) }
            : throw new StartupException("assets images wants a folder that is there.");
        var rest = new Queue<string>(arguments.Skip(1));
        while (rest.TryDequeue(out var name))
        {
            verb = name switch
            {
                "--out" => verb with { Target = Value() },
                "--base" => verb with { Address = Value().TrimEnd('/') + "/" },
                "--rules" => verb with { RulesFile = Value() },
                "--json" => verb with { Json = true },
                _ => throw new StartupException($"There is no option {name}: assets --help lists them."),
            };

            string Value() => rest.TryDequeue(out var value) ? value : throw new StartupException($"{name} wants a value.");
        }

        return verb;
    }

    private async Task<IReadOnlyList<SiteImageRule>> RulesAsync(CancellationToken cancellationToken)
    {
        if (RulesFile is null)
        {
            return SiteImageRule.Default;
        }

        try
        {
            await using var file = File.OpenRead(RulesFile);
            var rules = await JsonSerializer.DeserializeAsync<IReadOnlyList<SiteImageRule>>(file, JsonSerializerOptions.Web, cancellationToken);
            return rules is { Count: > 0 } && rules.All(rule => rule is not null && rule.IsValid())
                ? rules
                : throw new StartupException($"{RulesFile} has a rule that is none: each wants a glob, widths, and a quality for at least one format.");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"{RulesFile} cannot be read: {e.Message}", e);
        }
    }
}
