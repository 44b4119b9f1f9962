using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Assets.Client;
using Platform.Events;
using Platform.Images;

namespace Assets.Images;

/// <param name="Refused">Why nothing was made of a file, a line each.</param>
internal sealed record ImageRun(ImageManifest Manifest, IReadOnlyList<string> Refused, int Made, int Unchanged)
{
    /// <summary>What was made, and the manifest, as files of a site.</summary>
    /// <param name="folder">Where they were made.</param>
    public IEnumerable<ScannedFile> FilesIn(string folder)
    {
        var manifest = Manifest.ToJson();
        return Manifest.Images.Values
            .SelectMany(image => image.Variants)
            .DistinctBy(variant => variant.FileName)
            .Select(variant => File(variant.FileName, variant.Sha256, variant.SizeBytes))
            .Prepend(File(ImageManifest.FileName, Convert.ToHexStringLower(SHA256.HashData(manifest)), manifest.Length));

        ScannedFile File(string name, string sha256, long sizeBytes) => new(
            Path.Combine(folder, name),
            new AssetFile($"{MakeImages.SyncFolder}/{name}", sha256, sizeBytes, FileTypes.Of(AssetPath.ExtensionOf(name))));
    }
}

/// <summary>
/// Makes what rules say of the pictures of a folder, into another folder. What was made of the same bytes by the same rule is kept; what
/// nothing needs any more goes. A bad file is refused by its name, and the others are made. Ended at any time, the next run goes on.
/// </summary>
/// <param name="target">Of its own: files in it that look like pictures made here are removed.</param>
/// <param name="address">Where pages find <paramref name="target"/>, with a slash at its end.</param>
internal sealed partial class MakeImages(ImageWorkers workers, string target, string address)
{
    /// <summary>Where a sync puts what it makes.</summary>
    public const string SyncFolder = "_images";

    // What a kill -9 costs, at most: a minute.
    private const int SavedAfter = 100;

    private static readonly string[] Types = ["image/avif", "image/gif", "image/jpeg", "image/png", "image/webp"];
    private static readonly string[] OtherExtensions = [".heic", ".heif", ".tif", ".tiff"];

    private readonly ConcurrentDictionary<string, SiteImage> made = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<string> refused = [];
    private int unsaved;

    /// <summary>Whether a path of a site is that of a picture that a sync made: named by its content, it never changes.</summary>
    public static bool IsMadeForSync(string path) =>
        path.StartsWith(SyncFolder + "/", StringComparison.Ordinal) && Made().IsMatch(path[(SyncFolder.Length + 1)..]);

    /// <param name="progress">Pictures done so far.</param>
    /// <exception cref="FileChangedException">A file has other bytes than when it was scanned.</exception>
    public async Task<ImageRun> RunAsync(
        IReadOnlyList<ScannedFile> files, IReadOnlyList<SiteImageRule> rules, Action<int> progress, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(target);
        var known = (await ImageManifest.ReadAsync(target, cancellationToken)).Images;
        var usable = known.Values.Where(IsThere).GroupBy(image => (image.Sha256, image.Rule)).ToDictionary(same => same.Key, same => same.First());
        var wanted = Wanted(files, rules);
        foreach (var same in wanted.Where(same => usable.ContainsKey(same.Key)))
        {
            Keep(same, usable[same.Key]);
        }

        var missing = wanted.Where(same => !usable.ContainsKey(same.Key)).ToArray();
        var unchanged = made.Count;
        var options = new ParallelOptions { MaxDegreeOfParallelism = workers.Most, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(missing, options, async (same, cancel) =>
        {
            await MakeAsync(same, cancel);
            progress(made.Count + refused.Count);
            if (Interlocked.Increment(ref unsaved) % SavedAfter == 0)
            {
                await SaveAsync(ImageManifest.Of(known.Where(image => !made.ContainsKey(image.Key)).Concat(made)), cancel);
            }
        });
        var manifest = ImageManifest.Of(made);
        await SaveAsync(manifest, cancellationToken);
        RemoveAllBut(manifest.Images.Values.SelectMany(image => image.Variants).Select(variant => variant.FileName).ToHashSet(StringComparer.Ordinal));
        return new ImageRun(manifest, [.. refused.Order(StringComparer.Ordinal)], made.Count - unchanged, unchanged);
    }

    private static IReadOnlyList<Sources> Wanted(IReadOnlyList<ScannedFile> files, IReadOnlyList<SiteImageRule> rules)
    {
        var globs = rules.Select(rule => (Glob: new Glob(rule.Glob), Rule: rule, Hash: rule.Hash())).ToArray();
        return
        [
            .. files
                .Where(IsPicture)
                .Select(file => (File: file, Found: globs.FirstOrDefault(candidate => candidate.Glob.Matches(file.File.Path))))
                .Where(one => one.Found.Rule is not null)
                .GroupBy(one => (one.File.File.Sha256, one.Found.Hash))
                .Select(same => new Sources(same.Key, same.First().Found.Rule, [.. same.Select(one => one.File)])),
        ];
    }

    private static bool IsPicture(ScannedFile file) => !IsMadeForSync(file.File.Path) && (
        Types.Contains(file.File.ContentType) || OtherExtensions.Contains(AssetPath.ExtensionOf(file.File.Path)));

    private bool IsThere(SiteImage image) => image.Variants.All(
        variant => new FileInfo(Path.Combine(target, variant.FileName)) is { Exists: true } file
            && file.Length == variant.SizeBytes
            && variant.Url == address + variant.FileName);

    private void Keep(Sources same, SiteImage image)
    {
        foreach (var file in same.Files)
        {
            made[file.File.Path] = image;
        }
    }

    private async Task MakeAsync(Sources same, CancellationToken cancellationToken)
    {
        var file = same.Files[0];
        var variants = new List<SiteImageVariant>();
        try
        {
            await using var plain = new FileStream(file.FullPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0, useAsync: false);
            await using var source = new HashedBody(plain, file.File.Sha256, file.File.SizeBytes);
            var image = await workers.MakeAsync(
                source,
                file.File.SizeBytes,
                same.Rule.ToRule(),
                async (variant, bytes, cancel) => variants.Add(await WriteAsync(variant, bytes, cancel)),
                cancellationToken);
            Keep(same, SiteImage.Of(image, variants, same.Key.Sha256, same.Key.Rule));
        }
        catch (ImageRefusedException e)
        {
            foreach (var copy in same.Files)
            {
                refused.Add($"{copy.File.Path}: {e.Message}.");
            }
        }
        catch (Exception e) when (e is CommandRefusedException or FileNotFoundException)
        {
            throw new FileChangedException(file.File.Path);
        }
    }

    private async Task<SiteImageVariant> WriteAsync(ImageVariant variant, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes.Span));
        var name = SiteImageVariant.FileNameOf(sha256, variant.Format);
        await ReplaceAsync(name, bytes, cancellationToken);
        return new SiteImageVariant(address + name, variant.Format, variant.Width, variant.Height, variant.SizeBytes, sha256);
    }

    private Task SaveAsync(ImageManifest manifest, CancellationToken cancellationToken) =>
        ReplaceAsync(ImageManifest.FileName, manifest.ToJson(), cancellationToken);

    private async Task ReplaceAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var partial = Path.Combine(target, $".{Guid.CreateVersion7():N}");
        await File.WriteAllBytesAsync(partial, bytes, cancellationToken);
        File.Move(partial, Path.Combine(target, name), overwrite: true);
    }

    private void RemoveAllBut(HashSet<string> needed)
    {
        foreach (var file in Directory.EnumerateFiles(target))
        {
            var name = Path.GetFileName(file);
            if ((Made().IsMatch(name) || Partial().IsMatch(name)) && !needed.Contains(name))
            {
                File.Delete(file);
            }
        }
    }

    [GeneratedRegex(@"^[0-9a-f]{20}\.(jpg|webp|avif)\z", RegexOptions.NonBacktracking)]
    private static partial Regex Made();

    // What a run that died was writing.
    [GeneratedRegex(@"^\.[0-9a-f]{32}\z", RegexOptions.NonBacktracking)]
    private static partial Regex Partial();

    /// <summary>Files of the same bytes, for one of which the rule is run.</summary>
    private sealed record Sources((string Sha256, string Rule) Key, SiteImageRule Rule, IReadOnlyList<ScannedFile> Files);
}
