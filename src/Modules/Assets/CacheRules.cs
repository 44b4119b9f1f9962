using System.Collections.Concurrent;
using Assets.Images;

namespace Assets;

/// <summary>What <c>Cache-Control</c> the files of an environment have.</summary>
internal sealed class CacheRules
{
    /// <summary>For what is content-addressed: it never changes.</summary>
    public const string ForEver = "public, max-age=31536000, immutable";

    // Whoever has a file asks whether it is still that one; the answer is short. Right for everything, if not the fastest.
    private const string Revalidate = "public, no-cache";

    // Patterns are few, and each is read once in a process.
    private readonly ConcurrentDictionary<string, Glob> globs = new(StringComparer.Ordinal);

    public string Of(SiteEnvironment environment, string path) => (environment.CacheRules ?? [])
        .FirstOrDefault(rule => globs.GetOrAdd(rule.Glob, pattern => new Glob(pattern)).Matches(path))?.CacheControl
            ?? (MakeImages.IsMadeForSync(path) ? ForEver : Revalidate);
}
