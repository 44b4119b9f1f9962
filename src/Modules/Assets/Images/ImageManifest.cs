using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Images;

namespace Assets.Images;

// images.json, beside the pictures that were made. It is replaced by a rename after them, so that what it names is there; what is there and
// not named by it is removed by the next run.
//
//   {"version":1,"images":{"covers/a.jpg":{
//      "width":4000,"height":3000,"placeholder":"data:image/webp;base64,…",
//      "srcset":{"avif":"/_images/8c1f….avif 640w, /_images/…","jpeg":"…"},
//      "variants":[{"url":"/_images/8c1f….avif","format":"avif","width":640,"height":480,"sizeBytes":31415,"sha256":"8c1f…"},…],
//      "sha256":"…","rule":"…"}}}                          of what, and by which rule: the same need not be made again

/// <summary>For each picture of a site, by its path: what was made of it, in the form that pages want.</summary>
internal sealed record ImageManifest(int Version, IReadOnlyDictionary<string, SiteImage> Images)
{
    public const string FileName = "images.json";

    private const int ThisVersion = 1;

    public static ImageManifest Empty { get; } = Of([]);

    public static ImageManifest Of(IEnumerable<KeyValuePair<string, SiteImage>> images) =>
        new(ThisVersion, new SortedDictionary<string, SiteImage>(images.ToDictionary(StringComparer.Ordinal), StringComparer.Ordinal));

    /// <summary>What an earlier run has left; nothing where that cannot be read.</summary>
    public static async Task<ImageManifest> ReadAsync(string folder, CancellationToken cancellationToken)
    {
        try
        {
            await using var file = File.OpenRead(Path.Combine(folder, FileName));
            var found = await JsonSerializer.DeserializeAsync<ImageManifest>(file, JsonSerializerOptions.Web, cancellationToken);
            return found is { Version: ThisVersion, Images: not null } ? found : Empty;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return Empty;
        }
    }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, JsonSerializerOptions.Web);
}

/// <param name="Width">Of the source, as it is shown.</param>
/// <param name="Placeholder">A <c>data:</c> address to show until the picture is there.</param>
/// <param name="Srcset">By format, for the <c>srcset</c> of a <c>source</c>.</param>
/// <param name="Sha256">Of the source.</param>
/// <param name="Rule">As in <see cref="SiteImageRule.Hash"/>.</param>
internal sealed record SiteImage(
    int Width,
    int Height,
    string Placeholder,
    IReadOnlyDictionary<string, string> Srcset,
    IReadOnlyList<SiteImageVariant> Variants,
    string Sha256,
    string Rule)
{
    public static SiteImage Of(MadeImage made, IEnumerable<SiteImageVariant> variants, string sha256, string rule)
    {
        SiteImageVariant[] narrowFirst = [.. variants.OrderBy(variant => variant.Width).ThenBy(variant => variant.Format, StringComparer.Ordinal)];
        return new SiteImage(
            made.Width,
            made.Height,
            made.Placeholder,
            narrowFirst.GroupBy(variant => variant.Format).ToDictionary(
                format => format.Key,
                format => string.Join(", ", format.Select(variant => string.Create(CultureInfo.InvariantCulture, $"{variant.Url} {variant.Width}w")))),
            narrowFirst,
            sha256,
            rule);
    }
}

internal sealed record SiteImageVariant(string Url, string Format, int Width, int Height, long SizeBytes, string Sha256)
{
    [JsonIgnore]
    public string FileName => FileNameOf(Sha256, Format);

    /// <summary>By content: the same bytes are there once, and may be cached for ever.</summary>
    public static string FileNameOf(string sha256, string format) => $"{sha256[..20]}.{(format == "jpeg" ? "jpg" : format)}";
}
