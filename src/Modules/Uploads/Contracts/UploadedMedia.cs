namespace Uploads.Contracts;

/// <summary>What a picture or a film says of itself. Made by whoever made the file: not to be relied on for anything but showing and sorting.</summary>
/// <param name="Width">In pixels, as the picture is seen: turned as its orientation says. <see langword="null"/> for films.</param>
/// <param name="TakenAtLocal">What the camera's clock showed.</param>
/// <param name="TakenAtOffset">How far that clock is ahead of UTC; <see langword="null"/> where the camera did not say.</param>
public sealed record UploadedMedia(int? Width, int? Height, DateTime? TakenAtLocal, TimeSpan? TakenAtOffset);
