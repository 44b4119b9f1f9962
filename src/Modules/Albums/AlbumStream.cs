using Platform.Events;

namespace Albums;

/// <summary>
/// One worker's hold on an album: folded once, then appended to at the version it knows. A rival worker, a cancel or a replay moves the
/// stream on, and the next append throws <see cref="StreamConflictException"/>: the version is the lock.
/// </summary>
internal sealed class AlbumStream
{
    private readonly EventStore store;
    private Folded<Album> folded;

    private AlbumStream(EventStore store, Guid albumId, Folded<Album> folded)
    {
        this.store = store;
        this.folded = folded;
        AlbumId = albumId;
    }

    internal Guid AlbumId { get; }

    internal Album Album => folded.State;

    /// <summary>Told the state after each append.</summary>
    internal Func<Album, CancellationToken, Task>? Appended { private get; set; }

    /// <summary>Appends what is decided on the newest state, and holds on to the album from there.</summary>
    internal static async Task<AlbumStream> DecideAsync(
        EventStore store, Guid albumId, Func<Album, IReadOnlyList<IAlbumEvent>> decide, CancellationToken cancellationToken) =>
        new(store, albumId, await store.DecideAsync(albumId, decide, cancellationToken));

    internal async Task AppendAsync(IReadOnlyList<IAlbumEvent> events, CancellationToken cancellationToken)
    {
        folded = await store.AppendAsync(AlbumId, folded, events, cancellationToken);
        await (Appended?.Invoke(Album, cancellationToken) ?? Task.CompletedTask);
    }

    /// <summary>Takes over what others appended: after a conflict, to see whether the hold is lost.</summary>
    internal async Task RefreshAsync(CancellationToken cancellationToken) =>
        folded = await store.FoldAsync<Album, IAlbumEvent>(AlbumId, cancellationToken);
}
