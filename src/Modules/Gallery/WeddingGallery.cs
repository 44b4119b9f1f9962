using System.Collections.Immutable;
using Gallery.Contracts;
using Platform.Events;

namespace Gallery;

// Stream gallery-{weddingId}. These shapes are the storage format: add members, never rename or remove one.

/// <summary>What all events of a <c>gallery-{weddingId}</c> stream have in common.</summary>
internal interface IGalleryEvent;

/// <summary>The couple marked photos, or took a mark from them. Those of which it held already are not named.</summary>
internal sealed record PhotosMarked(IReadOnlyList<Guid> PhotoIds, PhotoMark Mark, bool IsSet, string By, DateTimeOffset At) : IGalleryEvent;

/// <summary>What a couple said of its photos.</summary>
internal sealed record WeddingGallery : IState<WeddingGallery, IGalleryEvent>
{
    public static string Category => "gallery";

    public static WeddingGallery Initial { get; } = new();

    public ImmutableHashSet<Guid> Favourites { get; private init; } = [];

    public ImmutableHashSet<Guid> Hidden { get; private init; } = [];

    public static WeddingGallery Evolve(WeddingGallery state, IGalleryEvent e) => e switch
    {
        PhotosMarked { Mark: PhotoMark.Favourite } marked => state with { Favourites = After(state.Favourites, marked) },
        PhotosMarked { Mark: PhotoMark.Hidden } marked => state with { Hidden = After(state.Hidden, marked) },
        _ => state,
    };

    public static IReadOnlyList<IGalleryEvent> Decide(WeddingGallery state, MarkPhotos command, string by, DateTimeOffset now)
    {
        var marked = command.Mark is PhotoMark.Favourite ? state.Favourites : state.Hidden;
        Guid[] changed = [.. command.PhotoIds.Distinct().Where(photo => marked.Contains(photo) != command.IsSet)];
        return changed.Length == 0 ? [] : [new PhotosMarked(changed, command.Mark, command.IsSet, by, now)];
    }

    private static ImmutableHashSet<Guid> After(ImmutableHashSet<Guid> marked, PhotosMarked e) =>
        e.IsSet ? marked.Union(e.PhotoIds) : marked.Except(e.PhotoIds);
}
