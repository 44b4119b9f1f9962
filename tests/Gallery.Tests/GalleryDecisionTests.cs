using Gallery.Contracts;
using Testing;
using Xunit;

namespace Gallery.Tests;

public sealed class GalleryDecisionTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 20, 14, 0, 0, TimeSpan.Zero);
    private static readonly Guid[] Photos = [Guid.CreateVersion7(), Guid.CreateVersion7(), Guid.CreateVersion7()];
    private static readonly PhotosMarked First = new([Photos[0]], PhotoMark.Favourite, IsSet: true, "the couple", Now);
    private static readonly ThumbnailStored Stored = new("gallery/w/p.webp", "e", 480, 320, 20_000, Now);
    private static readonly ThumbnailRefused Refused = new("is no picture", Now);
    private static readonly PhotoWithdrawn Withdrawn = new(Now);

    [Fact]
    public void Only_photos_that_change_are_recorded() => Gallery(First)
        .When(gallery => WeddingGallery.Decide(gallery, new MarkPhotos([Photos[0], Photos[1], Photos[1]], PhotoMark.Favourite, IsSet: true), "the couple", Now))
        .Then(First with { PhotoIds = [Photos[1]] });

    [Fact]
    public void A_mark_that_is_taken_can_be_set_again() => Gallery(First, First with { IsSet = false })
        .When(gallery => WeddingGallery.Decide(gallery, new MarkPhotos([Photos[0]], PhotoMark.Favourite, IsSet: true), "the couple", Now))
        .Then(First);

    [Fact]
    public void A_favourite_is_not_hidden_by_it() => Gallery(First)
        .When(gallery => WeddingGallery.Decide(gallery, new MarkPhotos([Photos[0]], PhotoMark.Hidden, IsSet: false), "the couple", Now))
        .ThenNothing();

    [Fact]
    public void A_thumbnail_is_recorded_once() => Photo(Stored).When(photo => PhotoThumbnail.Decide(photo, (IPhotoEvent)Stored)).ThenNothing();

    [Fact]
    public void What_is_no_picture_is_not_tried_again() => Photo(Refused).When(photo => PhotoThumbnail.Decide(photo, (IPhotoEvent)Stored)).ThenNothing();

    [Fact]
    public void Of_a_photo_that_was_taken_back_none_is_made_any_more() =>
        Photo(Withdrawn).When(photo => PhotoThumbnail.Decide(photo, (IPhotoEvent)Stored)).ThenNothing();

    [Fact]
    public void A_photo_is_taken_back_once() => Photo(Stored).When(photo => PhotoThumbnail.Decide(photo, Withdrawn)).Then(Withdrawn);

    private static Decision<WeddingGallery, IGalleryEvent> Gallery(params IGalleryEvent[] history) => new(GalleryModule.MapEvents, history);

    private static Decision<PhotoThumbnail, IPhotoEvent> Photo(params IPhotoEvent[] history) => new(GalleryModule.MapEvents, history);
}
