namespace Albums.Contracts;

/// <summary>One of the ZIPs that an album consists of: complete by itself, with files of its own.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Key">Where it stands in the bucket.</param>
/// <param name="ETag">The store's ETag of it.</param>
public sealed record AlbumVolume(int Number, string Key, long SizeBytes, string ETag);
