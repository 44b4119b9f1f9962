namespace Albums.Contracts;

/// <summary>The ZIP of an album is whole and stands in the store; where volumes were asked for, all of them.</summary>
/// <param name="Key">Where it stands in the bucket; of several volumes the first.</param>
/// <param name="SizeBytes">Of all volumes together.</param>
/// <param name="ETag">The store's ETag of it; of several volumes the first.</param>
/// <param name="Files">Entries of the ZIP, without <c>_MISSING.txt</c>.</param>
/// <param name="Skipped">Files that are not in it; <c>_MISSING.txt</c> says why.</param>
/// <param name="ExpiresAt">Until when it is kept, unless a later date is announced; <see langword="null"/>: for now, without end.</param>
/// <param name="Volumes">In their order; <see langword="null"/> where there is one ZIP.</param>
public sealed record AlbumCompleted(
    string WeddingId,
    string Key,
    long SizeBytes,
    string ETag,
    int Files,
    int Skipped,
    DateTimeOffset At,
    DateTimeOffset? ExpiresAt = null,
    IReadOnlyList<AlbumVolume>? Volumes = null) : IAlbumEvent
{
    /// <summary>The ZIPs: one, or the volumes.</summary>
    internal IReadOnlyList<AlbumVolume> Zips => Volumes ?? [new(1, Key, SizeBytes, ETag)];
}
