using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Platform.Images;

namespace Assets.Images;

/// <summary>What is made of the pictures of a build. The first rule whose pattern matches a path holds; pictures that none matches stay alone.</summary>
/// <param name="Glob">Of paths, as in <see cref="Glob"/>.</param>
/// <param name="Widths">As in <see cref="ImageRule"/>; so are the qualities.</param>
internal sealed record SiteImageRule(string Glob, IReadOnlyList<int> Widths, int? Jpeg = null, int? Webp = null, int? Avif = null)
{
    public const int MostRules = 20;

    private const int MostGlobChars = 200;

    /// <summary>For phones, tablets and screens; AVIF, and JPEG for what does not know it.</summary>
    public static IReadOnlyList<SiteImageRule> Default { get; } = [new("**", [640, 1280, 2048], Jpeg: 82, Avif: 65)];

    public ImageRule ToRule() => new(Widths, Jpeg, Webp, Avif);

    public bool IsValid() => Glob is { Length: > 0 and <= MostGlobChars } && !Glob.Any(char.IsControl) && ToRule().IsValid();

    /// <summary>Names what is made, whatever it is made of: rules that make the same have the same.</summary>
    public string Hash()
    {
        var text = string.Create(
            CultureInfo.InvariantCulture, $"{ImageRule.Version} {string.Join(',', Widths.Distinct().Order())} {Jpeg} {Webp} {Avif}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
    }

    public bool Equals(SiteImageRule? other) => other is not null && Glob == other.Glob && Hash() == other.Hash();

    public override int GetHashCode() => Glob.GetHashCode(StringComparison.Ordinal);
}
