using Gallery.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Platform.Costs;
using Platform.Events;
using Platform.Images;
using Platform.Jobs;

namespace Gallery;

/// <summary>What couples see of their photos: thumbnails, favourites, hidden ones.</summary>
public static class GalleryModule
{
    internal const string ThumbnailType = "image/webp";

    private const string Folder = "gallery/";

    // Somebody waits for the first page, and a picture takes a processor for a sixth of a second.
    private static readonly int MostWorkers = Math.Min(2, Environment.ProcessorCount);

    /// <summary>Needs jobs and storage. Thumbnails are made where jobs run, and need libvips there.</summary>
    public static IServiceCollection AddGallery(this IServiceCollection services) => services
        .AddEventTypes(MapEvents)
        .AddInspectedState<WeddingGallery, IGalleryEvent>()
        .AddKeyOwner(Folder, key => key.Split('/') is [_, var wedding, ..] ? AccountOf(wedding) : new UsageAccount("gallery"))
        .AddSingleton<IStoredBytes, StoredThumbnails>()
        .AddSubscription<GalleryProjection>()
        .AddSubscription<GalleryReactions>()
        .AddSingleton(_ => new ImageWorkers(MostWorkers))
        .AddSingleton<IGallery, GalleryFacade>()
        .AddJob<MakeThumbnails, MakeThumbnailsHandler>("make_thumbnails", retry: MakeThumbnailsHandler.Retry)
        .AddJob<DiscardThumbnail, DiscardThumbnailHandler>("discard_thumbnail");

    internal static UsageAccount AccountOf(string weddingId) => new("gallery", weddingId);

    internal static string KeyOf(string weddingId, Guid photoId) => $"{Folder}{weddingId}/{photoId}.webp";

    internal static void MapEvents(EventTypes types) => types
        .Map<PhotosMarked>("photos_marked")
        .Map<ThumbnailStored>("thumbnail_stored", isSignalled: false)
        .Map<ThumbnailRefused>("thumbnail_refused", isSignalled: false)
        .Map<PhotoWithdrawn>("photo_withdrawn");
}
