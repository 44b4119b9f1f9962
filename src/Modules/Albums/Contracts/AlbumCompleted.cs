namespace Albums.Contracts;

/// <summary>The ZIP of an album is whole and stands in the store.</summary>
/// <param name="Key">Where it stands in the bucket.</param>
/// <param name="ETag">The store's ETag of it.</param>
/// <param name="Files">Entries of the ZIP, without <c>_MISSING.txt</c>.</param>
/// <param name="Skipped">Files that are not in it; <c>_MISSING.txt</c> says why.</param>
/// <param name="ExpiresAt">Until when it is kept, unless a later date is announced; <see langword="null"/>: for now, without end.</param>
public sealed record AlbumCompleted(
    string WeddingId, string Key, long SizeBytes, string ETag, int Files, int Skipped, DateTimeOffset At, DateTimeOffset? ExpiresAt = null) : IAlbumEvent;
