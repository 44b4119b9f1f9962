namespace Gallery.Contracts;

/// <summary>
/// The photos and films of weddings, as couples see them. Lists follow the log by a moment. Every call names the wedding: of another's photos it sees
/// nothing. Whether the caller may is the caller's to check.
/// </summary>
public interface IGallery
{
    /// <summary>Up to <see cref="PhotoSearch.PageSize"/>, in the order they were taken. Has thumbnails made of those that have none yet.</summary>
    Task<PhotoPage> FindAsync(string weddingId, PhotoSearch search, CancellationToken cancellationToken);

    /// <returns>The thumbnail, to be disposed; <see langword="null"/> where there is none, and for a hidden photo unless those are asked for.</returns>
    Task<Thumbnail?> ThumbnailAsync(string weddingId, Guid photoId, bool includeHidden, CancellationToken cancellationToken);

    /// <summary>Sets or takes a mark. Photos that are not the wedding's are passed over. Lists know of it afterwards, if a worker runs. Safe to repeat.</summary>
    Task MarkAsync(string weddingId, MarkPhotos command, string by, CancellationToken cancellationToken);

    /// <returns>Keys in the store of those of these photos that are the wedding's; of all its favourites where none is named.</returns>
    Task<IReadOnlyList<string>> KeysAsync(string weddingId, IReadOnlyCollection<Guid> photoIds, bool includeHidden, CancellationToken cancellationToken);
}

/// <summary>What a couple can say of a photo. Stored.</summary>
public enum PhotoMark
{
    Favourite,

    /// <summary>Shown to the couple only where they ask for hidden ones, and to nobody else. Albums have it all the same.</summary>
    Hidden,
}

public sealed record MarkPhotos(IReadOnlyList<Guid> PhotoIds, PhotoMark Mark, bool IsSet);

public enum PhotoFilter
{
    /// <summary>All but the hidden ones.</summary>
    Shown,
    Favourites,
    Hidden,
}

/// <param name="From">How many to pass over.</param>
public sealed record PhotoSearch(PhotoFilter Filter = PhotoFilter.Shown, int From = 0)
{
    public const int PageSize = 30;
}

/// <param name="Shown">How many there are of each kind.</param>
/// <param name="Next">Where the next page begins; <see langword="null"/> on the last.</param>
public sealed record PhotoPage(IReadOnlyList<Photo> Photos, int Shown, int Favourites, int Hidden, int? Next);

/// <param name="Id">That of the upload.</param>
/// <param name="GuestName">Who sent it, where they said so.</param>
public sealed record Photo(Guid Id, string FileName, bool IsFilm, string? GuestName, bool IsFavourite, bool IsHidden, ThumbnailState Thumbnail);

public enum ThumbnailState
{
    /// <summary>Not made yet.</summary>
    Waiting,
    Ready,

    /// <summary>There will be none: it is a film, or a picture that cannot be read.</summary>
    None,
}

/// <param name="ETag">Opaque, unquoted.</param>
public sealed record Thumbnail(Stream Body, string ContentType, long SizeBytes, string ETag) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Body.DisposeAsync();
}
