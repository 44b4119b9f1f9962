namespace Platform.Images;

/// <summary>
/// What is made of a picture: each width in each format. A picture is never made wider than it is: where a width is larger, it is made as wide
/// as it is, once.
/// </summary>
/// <param name="Widths">In pixels, 1 to <see cref="MostWidths"/> of them.</param>
/// <param name="Jpeg">Quality, 1 to 100; <see langword="null"/> for no JPEG.</param>
/// <param name="Webp">Quality, 1 to 100; <see langword="null"/> for no WebP.</param>
/// <param name="Avif">Quality, 1 to 100; <see langword="null"/> for no AVIF.</param>
public sealed record ImageRule(IReadOnlyList<int> Widths, int? Jpeg = null, int? Webp = null, int? Avif = null)
{
    public const int MostWidths = 12;

    /// <summary>The widest that WebP can be (https://developers.google.com/speed/webp/faq).</summary>
    public const int MostWidth = 16383;

    /// <summary>Goes up whenever the same rule makes other bytes: what was made before is then made again.</summary>
    public const int Version = 1;

    public bool IsValid() =>
        Widths is { Count: >= 1 and <= MostWidths }
        && Widths.All(width => width is >= 1 and <= MostWidth)
        && (Jpeg ?? Webp ?? Avif) is not null
        && new[] { Jpeg, Webp, Avif }.All(quality => quality is null or (>= 1 and <= 100));
}

/// <summary>A picture made from another.</summary>
/// <param name="Format"><c>jpeg</c>, <c>webp</c> or <c>avif</c>.</param>
public sealed record ImageVariant(string Format, int Width, int Height, int SizeBytes);

/// <param name="Width">Of the source as it is shown, turned as its EXIF orientation says.</param>
/// <param name="Placeholder">A <c>data:</c> address of a few hundred bytes: the picture, blurred, to show until it is there.</param>
public sealed record MadeImage(int Width, int Height, string Placeholder, IReadOnlyList<ImageVariant> Variants);

/// <summary>A source is no picture, or one that is not worked on: damaged, too large, too slow. The message says why, in half a sentence.</summary>
public sealed class ImageRefusedException(string reason) : Exception(reason);
