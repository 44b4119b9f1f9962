namespace Albums.Contracts;

/// <summary>
/// Albums for the portal: what there is, how each goes on, and what can be done about it. Lists follow the log by a moment; an album itself is never
/// behind. Commands do what the HTTP endpoints do and are as safe to repeat; whether the caller may is the caller's to check.
/// </summary>
public interface IAlbums
{
    /// <summary>One page of the albums that a search finds.</summary>
    Task<AlbumPage> SearchAsync(AlbumSearch search, CancellationToken cancellationToken);

    /// <summary>How many albums are at what, and those being packed. At most half a second old, whoever asks how often.</summary>
    Task<AlbumsOverview> OverviewAsync(CancellationToken cancellationToken);

    /// <summary>Asks for an album of some files of a wedding. The same files again are the same album, while it can be had.</summary>
    /// <param name="keys">In the store, at most 100,000.</param>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>ALBUM_EMPTY</c>, <c>INVALID_FILE</c>.</exception>
    Task<Guid> RequestSelectionAsync(string weddingId, IReadOnlyList<string> keys, CancellationToken cancellationToken);

    /// <summary>The latest album that was requested for a wedding and not deleted, selections aside; <see langword="null"/> where there is none.</summary>
    Task<AlbumView?> FindOfWeddingAsync(string weddingId, CancellationToken cancellationToken);

    /// <summary>The album now, and after each change until it is final, at most ten times a second.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>ALBUM_NOT_FOUND</c>; <c>ALBUM_GONE</c> where it was deleted.</exception>
    IAsyncEnumerable<AlbumDetail> WatchAsync(Guid albumId, CancellationToken cancellationToken);

    /// <summary>What the ZIP is made of, file by file in its order.</summary>
    Task<AlbumFilePage> FilesAsync(Guid albumId, AlbumFileSearch search, CancellationToken cancellationToken);

    /// <summary>Its events, the newest first. Addresses, tokens and what exceptions say of servers are left out.</summary>
    Task<AlbumEventPage> EventsAsync(Guid albumId, AlbumEventSearch search, CancellationToken cancellationToken);

    /// <summary>Starts a failed album again where it stopped; any other stays as it is.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>ALBUM_NOT_FOUND</c>, <c>ALBUM_CANCELLED</c>, <c>ALBUM_GONE</c>.</exception>
    Task ReplayAsync(Guid albumId, string by, CancellationToken cancellationToken);

    /// <summary>Does without a file that is not packed yet. A failed album goes on without it.</summary>
    /// <param name="index"><see cref="AlbumFileRow.Skippable"/>.</param>
    /// <exception cref="Platform.Events.CommandRefusedException">
    /// <c>ALBUM_NOT_FOUND</c>, <c>FILE_NOT_FOUND</c>, <c>FILE_PACKED</c>, <c>ALBUM_NOT_READY</c>, <c>ALBUM_COMPLETED</c>, <c>ALBUM_CANCELLED</c>, <c>ALBUM_GONE</c>.
    /// </exception>
    Task SkipFileAsync(Guid albumId, int index, string by, CancellationToken cancellationToken);

    /// <summary>Ends an album that is not complete.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>ALBUM_NOT_FOUND</c>, <c>ALBUM_COMPLETED</c>, <c>ALBUM_GONE</c>.</exception>
    Task CancelAsync(Guid albumId, string by, CancellationToken cancellationToken);

    /// <summary>Mails the link of a complete album once more to everybody whom its request named, also to those whose mailbox refused it. Nothing where a mail is still on its way.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>ALBUM_NOT_FOUND</c>, <c>ALBUM_NOT_READY</c>, <c>ALBUM_GONE</c>.</exception>
    Task ResendLinkAsync(Guid albumId, string by, CancellationToken cancellationToken);

    /// <summary>Takes an album away, whatever it is at. The files it was made of stay.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>ALBUM_NOT_FOUND</c>.</exception>
    Task DeleteAsync(Guid albumId, string by, CancellationToken cancellationToken);

    /// <summary>
    /// Begins to do the same to every album that a search finds, and that was requested until now. A job does it; where it stands,
    /// <see cref="WatchBulkAsync"/> says.
    /// </summary>
    Task<BulkView> StartBulkAsync(BulkKind kind, AlbumSearch search, string by, CancellationToken cancellationToken);

    /// <summary>A bulk action now, and as it goes on, until it ends.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>BULK_ACTION_NOT_FOUND</c>.</exception>
    IAsyncEnumerable<BulkView> WatchBulkAsync(Guid bulkId, CancellationToken cancellationToken);

    /// <summary>Ends a bulk action where it is. What was done is done. Safe to repeat.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>BULK_ACTION_NOT_FOUND</c>.</exception>
    Task<BulkView> AbortBulkAsync(Guid bulkId, string by, CancellationToken cancellationToken);

    /// <summary>Makes a link that downloads the album without any other credential, until it is revoked.</summary>
    /// <param name="for">Who asked, for the history.</param>
    /// <returns>Its path.</returns>
    Task<string> IssueLinkAsync(Guid albumId, string @for, CancellationToken cancellationToken);
}
