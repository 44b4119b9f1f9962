using Albums.Zip;
using Platform.Storage;

namespace Albums.Sources;

/// <summary>A file on its way into the plan: wanted, then found or missing.</summary>
/// <param name="Index">Its place among the files asked for.</param>
/// <param name="Name">Wanted in the ZIP; not yet safe nor unique.</param>
internal sealed record Candidate(int Index, string Name)
{
    internal string? Key { get; init; }

    internal string? Url { get; init; }

    /// <summary>What Uploads computed of it.</summary>
    internal KnownCrc? Known { get; init; }

    /// <summary>The object, once it was found in the store.</summary>
    internal StoredObject? Stored { get; init; }

    /// <summary>The file, once its server has answered.</summary>
    internal UrlFile? Remote { get; private init; }

    /// <summary>Why its server's answer is of no use.</summary>
    internal string? Failure { get; init; }

    private bool IsNamedByServer { get; init; }

    /// <summary>Why it cannot be packed; <see langword="null"/> where it can.</summary>
    internal string? Missing => Failure ?? (Stored is null && Remote is null ? "it is not in the store" : null);

    /// <param name="name">Without it the server's name for it is taken, else the last segment of the URL's path. Never its query: there tokens are.</param>
    internal static Candidate OfUrl(int index, string url, string? name) =>
        new(index, name ?? Uri.UnescapeDataString(new Uri(url).AbsolutePath).TrimEnd('/').Split('/')[^1]) { Url = url, IsNamedByServer = name is null };

    internal Candidate At(UrlFile remote) => this with
    {
        Remote = remote,
        Name = IsNamedByServer && !string.IsNullOrWhiteSpace(remote.Name) ? remote.Name : Name,
    };

    /// <summary>The entry of a file that was found, under a name that is safe and unique.</summary>
    /// <param name="requestedAt">Stands in where a server does not say when its file was modified.</param>
    internal PlannedEntry ToEntry(string name, DateTimeOffset requestedAt) => Stored is { } stored
        ? new PlannedEntry(
            Index, name, stored.Key, stored.ETag, stored.SizeBytes, stored.ModifiedAt, stored.ETag == Known?.ETag ? Known.Crc32 : null)
        : new PlannedEntry(
            Index, name, null, Remote!.Version, Remote.SizeBytes, Remote.ModifiedAt ?? requestedAt, null, Url: Url);
}

/// <summary>A CRC that this product computed.</summary>
/// <param name="ETag">Of the object it was computed of.</param>
internal sealed record KnownCrc(string ETag, uint Crc32);
