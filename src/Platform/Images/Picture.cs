using System.Globalization;
using System.Runtime.InteropServices;

namespace Platform.Images;

/// <summary>A source in memory, and what a rule makes of it. Decoded once, for the largest width; the others come from that.</summary>
internal sealed class Picture : IDisposable
{
    /// <summary>Twice a large camera's. A header may claim any size; memory follows the claim.</summary>
    private const long MostPixels = 100_000_000;

    private const string AnyHeight = "10000000";

    // A photo that warns is a damaged one: bits flipped in the middle of a JPEG do no more than that. sharp refuses at the same level.
    private const string FailOn = "warning";

    private static readonly string[] Loaders =
    [
        "VipsForeignLoadJpegSource", "VipsForeignLoadPngSource", "VipsForeignLoadWebpSource",
        "VipsForeignLoadNsgifSource", "VipsForeignLoadTiffSource", "VipsForeignLoadHeifSource",
    ];

    private readonly NativeBytes sourceBytes;
    private readonly VipsObject source;
    private readonly bool hasProfile;

    /// <param name="sourceBytes">Disposed with this.</param>
    /// <exception cref="ImageRefusedException">No picture, or too large a one. Only the header has been read.</exception>
    internal Picture(NativeBytes sourceBytes)
    {
        this.sourceBytes = sourceBytes;
        source = VipsOperation.Checked(Vips.SourceOf(sourceBytes, (nuint)sourceBytes.Span.Length));
        try
        {
            var loader = Marshal.PtrToStringUTF8(Vips.FindLoader(source));
            if (loader is null || !Loaders.Contains(loader))
            {
                Vips.ClearErrors();
                throw new ImageRefusedException("is no JPEG, PNG, WebP, GIF, TIFF, HEIC or AVIF");
            }

            using var header = VipsOperation.ToImage(loader, "source", source, ("fail_on", FailOn));
            (Width, Height) = (Vips.WidthOf(header), Vips.HeightOf(header));
            if ((long)Width * Height > MostPixels)
            {
                throw new ImageRefusedException($"has {Width} x {Height} pixels, more than {MostPixels / 1_000_000} million");
            }

            if (Vips.OrientationOf(header) >= 5)
            {
                (Width, Height) = (Height, Width);
            }

            hasProfile = Vips.FieldTypeOf(header, "icc-profile-data") != 0;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>As it is shown.</summary>
    internal int Width { get; }

    internal int Height { get; }

    /// <summary>Once: when the source is decoded its memory is given back, for what encodes.</summary>
    /// <returns>The widest first, with their bytes.</returns>
    /// <exception cref="ImageRefusedException"/>
    internal (MadeImage Made, IReadOnlyList<VipsBlob> Bytes) Make(ImageRule rule)
    {
        var variants = new List<ImageVariant>();
        var bytes = new List<VipsBlob>();
        int[] widths = [.. rule.Widths.Select(width => Math.Min(width, Width)).Distinct().OrderDescending()];
        var image = Decode(widths[0]);
        Dispose();
        try
        {
            foreach (var width in widths)
            {
                if (width < Vips.WidthOf(image))
                {
                    var wider = image;
                    image = Shrink(wider, width);
                    wider.Dispose();
                }

                foreach (var (format, encoded) in Encode(image, rule))
                {
                    variants.Add(new ImageVariant(format, Vips.WidthOf(image), Vips.HeightOf(image), encoded.Span.Length));
                    bytes.Add(encoded);
                }
            }

            return (new MadeImage(Width, Height, Placeholder(image), variants), bytes);
        }
        finally
        {
            image.Dispose();
        }
    }

    public void Dispose()
    {
        source.Dispose();
        sourceBytes.Dispose();
    }

    /// <summary>Upright, in sRGB, without anything but pixels.</summary>
    private VipsObject Decode(int width)
    {
        // thumbnail_source of libvips 8.14 forgets its own fail_on: what loads is told itself.
        (string, string)[] options = [("width", Text(width)), ("height", AnyHeight), ("size", "down"), ("option_string", $"[fail_on={FailOn}]")];

        // Where there is no profile the colours are sRGB already; "converting" them with one that is assumed makes photos darker.
        using var turned = hasProfile
            ? VipsOperation.ToImage("thumbnail_source", "source", source, [.. options, ("export_profile", "srgb")])
            : VipsOperation.ToImage("thumbnail_source", "source", source, options);
        using var coloured = VipsOperation.ToImage("colourspace", "in", turned, ("space", "srgb"));
        var image = VipsOperation.Checked(Vips.CopyMemory(coloured));
        RemoveFields(image);
        return image;
    }

    // The height is that of the source's shape, not of a rounded one's.
    private VipsObject Shrink(VipsObject image, int width)
    {
        var height = Math.Max(1, (int)Math.Round((double)Height * width / Width));
        using var smaller = VipsOperation.ToImage(
            "thumbnail_image", "in", image, ("width", Text(width)), ("height", Text(height)), ("size", "force"));
        return VipsOperation.Checked(Vips.CopyMemory(smaller));
    }

    // The savers' own option to strip is not enough: webpsave of libvips 8.14 keeps EXIF, and with it where the photo was taken.
    private static void RemoveFields(VipsObject image)
    {
        var names = Vips.FieldsOf(image);
        try
        {
            for (var i = 0; Marshal.ReadIntPtr(names, i * nint.Size) is var name and not 0; i++)
            {
                Vips.RemoveField(image, name);
            }
        }
        finally
        {
            Vips.FreeNames(names);
        }
    }

    // AVIF at its least effort is smaller and better than WebP at its default, and takes less time (docs/performance.md).
    private static IEnumerable<(string Format, VipsBlob Bytes)> Encode(VipsObject image, ImageRule rule)
    {
        if (rule.Avif is { } avif)
        {
            yield return ("avif", VipsOperation.ToBytes(
                "heifsave_buffer", image, ("compression", "av1"), ("Q", Text(avif)), ("effort", "0"), ("bitdepth", "8"), ("strip", "true")));
        }

        if (rule.Webp is { } webp)
        {
            yield return ("webp", VipsOperation.ToBytes("webpsave_buffer", image, ("Q", Text(webp)), ("effort", "4"), ("strip", "true")));
        }

        if (rule.Jpeg is { } jpeg)
        {
            yield return ("jpeg", VipsOperation.ToBytes(
                "jpegsave_buffer", image, ("Q", Text(jpeg)), ("interlace", "true"), ("optimize_coding", "true"), ("background", "255"), ("strip", "true")));
        }
    }

    private static string Placeholder(VipsObject image)
    {
        const string width = "16";
        using var tiny = VipsOperation.ToImage("thumbnail_image", "in", image, ("width", width), ("height", AnyHeight), ("size", "down"));
        using var bytes = VipsOperation.ToBytes("webpsave_buffer", tiny, ("Q", "40"), ("strip", "true"));
        return $"data:image/webp;base64,{Convert.ToBase64String(bytes.Span)}";
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
