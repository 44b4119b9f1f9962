using Platform.Events;
using Platform.Jobs;
using Platform.Storage;

namespace Assets;

/// <summary>
/// Brings the public paths of an environment to the release that was asked for last, by copies inside the store. Safe to repeat, after a crash
/// at any point too. Whoever reads meanwhile finds no page that refers to a file that is not there: files come before what refers to
/// them, and go after it.
/// </summary>
internal sealed record PublishRelease(string Site, string Environment);

internal sealed class PublishReleaseHandler(
    EventStore store, IObjectStorage storage, SiteObjects manifests, ObjectIndex index, CacheRules rules, TimeProvider clock) : IJob<PublishRelease>
{
    private const int CopiesAtOnce = 16;

    // Who refers to whom: pages to scripts, styles and images; scripts and styles to images. Feeds and site maps are like pages.
    private static readonly string[] Pages = [".html", ".htm", ".xml", ".rss", ".webmanifest"];
    private static readonly string[] Code = [".css", ".js", ".mjs", ".json", ".map"];

    /// <summary>Tried for a day.</summary>
    internal static JobRetry Retry { get; } = new(Attempts: 100, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(15));

    /// <summary>Who has not ended by then has given up.</summary>
    internal static TimeSpan Patience { get; } = TimeSpan.FromDays(2);

    internal static IReadOnlyList<ISiteEvent> Decide(Site site, PublicationStarted published, DateTimeOffset now) =>
        site.PublicationsOf(published.Environment.Name).LastOrDefault() is { } last && (last.Release, last.At) == (published.Release, published.At)
            ? [site.Activation(published.Release, published.Environment.Name, published.ManifestHash, now)]
            : [];

    public async Task RunAsync(PublishRelease command, CancellationToken cancellationToken)
    {
        // One at a time: the copies of two releases would mix.
        await using var turn = await index.HoldAsync($"publish {command.Site} {command.Environment}", cancellationToken);
        var site = (await store.FoldAsync<Site, ISiteEvent>(command.Site, cancellationToken)).State;
        var pending = site.PublicationsOf(command.Environment);
        if (pending.LastOrDefault() is not { } wanted)
        {
            return;
        }

        await PublishAsync(command.Site, site, [site.Published.GetValueOrDefault(command.Environment), .. pending.Take(pending.Count - 1)], wanted, cancellationToken);
        await store.DecideAsync<Site, ISiteEvent>(command.Site, state => Decide(state, wanted, clock.GetUtcNow()), cancellationToken);
    }

    /// <summary>This host serves the old release on. Activated once more, the new one is published once more.</summary>
    public Task GaveUpAsync(PublishRelease command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;

    internal static int Rank(string path) => AssetPath.ExtensionOf(path) switch
    {
        var extension when Pages.Contains(extension) => 2,
        var extension when Code.Contains(extension) => 1,
        _ => 0,
    };

    /// <param name="bases">What may be there: the last publication that ended, and those that began after it and may have come as far as anywhere.</param>
    private async Task PublishAsync(
        string siteName, Site site, IReadOnlyList<PublicationStarted?> bases, PublicationStarted wanted, CancellationToken cancellationToken)
    {
        // By key: an environment whose prefix changed leaves all it had under the old one.
        var source = SiteObjects.AreaOf(siteName, site.ReleaseOf(wanted.Release).Prefix);
        var target = await FilesAsync(siteName, wanted, cancellationToken);
        var present = new List<Dictionary<string, PublicFile>>();
        foreach (var publication in bases)
        {
            present.Add(await FilesAsync(siteName, publication, cancellationToken));
        }

        string[] stale = [.. present.SelectMany(files => files.Keys).Distinct(StringComparer.Ordinal).Where(key => !target.ContainsKey(key))];
        string[] changed = [.. target.Keys.Where(key => !present.TrueForAll(files => files.GetValueOrDefault(key) == target[key]))];

        // In a folder a name is a file or a folder, never both.
        var folders = target.Keys.SelectMany(FoldersOf).ToHashSet(StringComparer.Ordinal);
        await DeleteAsync(stale.Where(key => folders.Contains(key) || FoldersOf(key).Any(target.ContainsKey)));
        foreach (var rank in changed.GroupBy(Rank).OrderBy(rank => rank.Key))
        {
            await ForEachAsync(rank, (key, cancel) => storage.CopyAsync(
                SiteObjects.ObjectKey(source, target[key].ObjectName),
                key,
                new ObjectHeaders(target[key].ContentType, target[key].CacheControl),
                cancel));
        }

        foreach (var rank in stale.GroupBy(Rank).OrderByDescending(rank => rank.Key))
        {
            await DeleteAsync(rank);
        }

        Task DeleteAsync(IEnumerable<string> keys) => ForEachAsync(keys, storage.DeleteAsync);

        Task ForEachAsync(IEnumerable<string> keys, Func<string, CancellationToken, Task> act) => Parallel.ForEachAsync(
            keys,
            new ParallelOptions { MaxDegreeOfParallelism = CopiesAtOnce, CancellationToken = cancellationToken },
            async (key, cancel) => await act(key, cancel));
    }

    private async Task<Dictionary<string, PublicFile>> FilesAsync(string site, PublicationStarted? publication, CancellationToken cancellationToken)
    {
        var files = publication is null ? [] : (await manifests.ReadAsync(site, publication.ManifestHash, cancellationToken)).Files;
        return files.ToDictionary(
            file => SiteObjects.PublicKey(SiteObjects.AreaOf(site, publication!.Environment.Prefix), publication.Environment.Name, file.Path),
            file => new PublicFile(file.ObjectName, file.ContentType, rules.Of(publication!.Environment, file.Path)),
            StringComparer.Ordinal);
    }

    private static IEnumerable<string> FoldersOf(string key)
    {
        for (var slash = key.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = key.IndexOf('/', slash + 1))
        {
            yield return key[..slash];
        }
    }

    private sealed record PublicFile(string ObjectName, string ContentType, string CacheControl);
}
