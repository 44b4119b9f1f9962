using System.Text.Json;
using Platform.Costs;
using Platform.Storage;

namespace Assets;

// What a site has in the store, all under sites/{site}/:
//
//   objects/{sha256}{.ext}       the bytes of files, by content. Written once, checked, and removed when no kept release has them.
//   public/{environment}/{path}  copies under the paths of the build, where an environment publishes them. The only keys that change.
//   prefixes/{prefix}/objects/…  the same two of environments that have a prefix of their own: an area. No name of a site, prefix or
//   prefixes/{prefix}/public/…   environment has a slash, so no area reaches into another.
//   releases/{sha256}.json       a manifest (ReleaseManifest.cs), named by the SHA-256 of its bytes.
//
// Nothing but the copies is ever replaced by other bytes, so everything can be cached for ever, and a crash at any point leaves objects that nobody
// refers to. Which manifest an environment serves is in the stream: one event switches all of it.

/// <summary>Keys of a site, and its manifests.</summary>
internal sealed class SiteObjects(IObjectStorage storage)
{
    // The active ones of a few environments and sites. A large one has some 30 MB.
    private const int MostCached = 8;

    private const string JsonType = "application/json";

    private readonly Lock guard = new();
    private readonly LinkedList<ReleaseManifest> cached = [];

    public const string Prefix = "sites/";

    /// <summary>Whom work on an object is for: every key names its site.</summary>
    public static UsageAccount OwnerOf(string key) => AccountOf(key.Split('/')[1]);

    public static UsageAccount AccountOf(string site) => new("sites", Site: site);

    /// <summary>Where the site's objects of this prefix are, below <see cref="Prefix"/>.</summary>
    /// <param name="prefix"><see langword="null"/> for what all environments without one share.</param>
    public static string AreaOf(string site, string? prefix) => prefix is null ? site : $"{site}/prefixes/{prefix}";

    public static string ObjectKey(string area, string name) => $"sites/{area}/objects/{name}";

    public static string PublicKey(string area, string environment, string path) => $"sites/{area}/public/{environment}/{path}";

    public static string ManifestPrefix(string site) => $"sites/{site}/releases/";

    public static string ManifestKey(string site, string hash) => $"sites/{site}/releases/{hash}.json";

    /// <summary>Reads a manifest, once in a process.</summary>
    /// <exception cref="StorageException">It is gone, or not what its name says.</exception>
    public async Task<ReleaseManifest> ReadAsync(string site, string hash, CancellationToken cancellationToken)
    {
        if (Find(hash) is { } known)
        {
            return known;
        }

        var key = ManifestKey(site, hash);
        var stored = await storage.HeadAsync(key, cancellationToken)
            ?? throw new StorageException(StorageError.NotFound, $"The manifest {key} is gone.");
        var bytes = new byte[stored.SizeBytes];
        await using (var body = await storage.ReadAsync(key, null, stored.ETag, cancellationToken))
        {
            await body.ReadExactlyAsync(bytes, cancellationToken);
        }

        try
        {
            var manifest = ReleaseManifest.Parse(bytes);
            return manifest.Hash == hash
                ? Keep(manifest)
                : throw new StorageException(StorageError.Unavailable, $"The manifest {key} has other bytes than its name says.");
        }
        catch (JsonException e)
        {
            throw new StorageException(StorageError.Unavailable, $"The manifest {key} cannot be read.", e);
        }
    }

    public async Task WriteAsync(string site, ReleaseManifest manifest, CancellationToken cancellationToken)
    {
        await using var body = new BufferBody(manifest.Json, Crc32.Append(0, manifest.Json.Span));
        await storage.PutAsync(ManifestKey(site, manifest.Hash), body, body.Length, JsonType, cancellationToken);
        Keep(manifest);
    }

    private ReleaseManifest? Find(string hash)
    {
        lock (guard)
        {
            return cached.FirstOrDefault(manifest => manifest.Hash == hash) is { } found ? Keep(found) : null;
        }
    }

    private ReleaseManifest Keep(ReleaseManifest manifest)
    {
        lock (guard)
        {
            cached.Remove(manifest);
            cached.AddFirst(manifest);
            if (cached.Count > MostCached)
            {
                cached.RemoveLast();
            }

            return manifest;
        }
    }
}
