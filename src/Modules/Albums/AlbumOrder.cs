using System.Security.Cryptography;
using System.Text;
using Platform.Events;

namespace Albums;

// Stream album_order-{id}. This shape is the storage format: add members, never rename or remove one.

/// <summary>From now on the order is for this album.</summary>
internal sealed record AlbumOrdered(Guid AlbumId, DateTimeOffset At);

/// <summary>
/// What a caller knows an album by: an <c>Idempotency-Key</c>, or the event id of the first API. The album's own id is random, so that
/// nobody can guess it from either.
/// </summary>
internal sealed record AlbumOrder : IState<AlbumOrder, AlbumOrdered>
{
    public static string Category => "album_order";

    public static AlbumOrder Initial { get; } = new();

    /// <summary>The album ordered last.</summary>
    public Guid? AlbumId { get; private init; }

    public static AlbumOrder Evolve(AlbumOrder state, AlbumOrdered e) => state with { AlbumId = e.AlbumId };

    /// <summary>An order by key. Callers choose keys freely, and may put secrets in them: only the hash is stored.</summary>
    internal static string IdOf(string weddingId, string idempotencyKey) =>
        $"{weddingId}/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(idempotencyKey)))}";

    /// <summary>
    /// Requests an album under an order, unless it has one that <paramref name="stands"/>. Both are recorded in one transaction: of several
    /// callers at a time one makes the album, and all get it.
    /// </summary>
    internal static async Task<(Guid AlbumId, Album Album)> PlaceAsync(
        EventStore store, string orderId, AlbumRequested requested, Func<Album, bool> stands, CancellationToken cancellationToken)
    {
        while (true)
        {
            var order = await store.FoldAsync<AlbumOrder, AlbumOrdered>(orderId, cancellationToken);
            if (order.State.AlbumId is { } present)
            {
                var album = (await store.FoldAsync<Album, IAlbumEvent>(present, cancellationToken)).State;
                if (stands(album))
                {
                    return (present, album);
                }
            }

            var albumId = Guid.CreateVersion7();
            try
            {
                StreamAppend[] both =
                [
                    StreamAppend.To<Album, IAlbumEvent>(albumId, expectedVersion: 0, [requested]),
                    StreamAppend.To<AlbumOrder, AlbumOrdered>(orderId, order.Version, [new AlbumOrdered(albumId, requested.At)]),
                ];
                await store.AppendAsync(both, cancellationToken);
                return (albumId, Album.Evolve(Album.Initial, requested));
            }
            catch (StreamConflictException)
            {
                // Somebody placed the same order meanwhile: theirs counts.
            }
        }
    }
}
