using System.Globalization;

namespace Portal;

/// <summary>
/// A wedding's colour as pages use it: on light and on dark ground, as text and under text. Where the colour itself could not be read there it is made
/// darker, or lighter, until it can: 4.5:1 at least (WCAG 2.2 §1.4.3).
/// </summary>
internal static class Palette
{
    private const double Readable = 4.5;
    private const double Step = 0.02;
    private const double Tint = 0.12;

    private static readonly Rgb White = new(1, 1, 1);
    private static readonly Rgb Black = new(0, 0, 0);

    // The paper of portal.css, the harder of its two grounds in each theme.
    private static readonly Rgb LightGround = Rgb.Parse("f7f7f7");
    private static readonly Rgb DarkGround = Rgb.Parse("1c1e22");

    /// <summary>The stylesheet of a colour, for what has the class <c>branded</c>.</summary>
    /// <param name="color">Six hex digits.</param>
    internal static string Css(string color)
    {
        var (light, dark) = (On(LightGround, Black, Rgb.Parse(color)), On(DarkGround, White, Rgb.Parse(color)));
        return $".branded{{--accent:light-dark({light.Accent},{dark.Accent});--on-accent:light-dark({light.Ink},{dark.Ink});--tint:light-dark({light.Tint},{dark.Tint})}}";
    }

    /// <summary>How well the colour itself reads on white, as in 4.5 for 4.5:1.</summary>
    /// <param name="color">Six hex digits.</param>
    internal static double ContrastOnWhite(string color) => Contrast(Rgb.Parse(color), White);

    private static (Rgb Accent, Rgb Ink, Rgb Tint) On(Rgb ground, Rgb toward, Rgb color)
    {
        var share = 0.0;
        var accent = color;
        while (Math.Min(Contrast(accent, ground), Contrast(accent, accent.Mix(ground, 1 - Tint))) < Readable)
        {
            accent = color.Mix(toward, share += Step);
        }

        return (accent, Contrast(accent, White) >= Contrast(accent, Black) ? White : Black, accent.Mix(ground, 1 - Tint));
    }

    private static double Contrast(Rgb one, Rgb other)
    {
        var (a, b) = (one.Luminance, other.Luminance);
        return (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);
    }

    /// <summary>Each from 0 to 1, in sRGB.</summary>
    private readonly record struct Rgb(double Red, double Green, double Blue)
    {
        internal double Luminance => (0.2126 * Linear(Red)) + (0.7152 * Linear(Green)) + (0.0722 * Linear(Blue));

        internal static Rgb Parse(string hex) => new(Channel(hex, 0), Channel(hex, 2), Channel(hex, 4));

        /// <summary>Rounded as it is written, so that what is checked is what is shown.</summary>
        internal Rgb Mix(Rgb other, double share) => Parse(new Rgb(
            Red + ((other.Red - Red) * Math.Min(share, 1)), Green + ((other.Green - Green) * Math.Min(share, 1)), Blue + ((other.Blue - Blue) * Math.Min(share, 1))).ToString()[1..]);

        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"#{Byte(Red):x2}{Byte(Green):x2}{Byte(Blue):x2}");

        private static int Byte(double channel) => (int)Math.Round(channel * 255);

        private static double Channel(string hex, int at) => int.Parse(hex.AsSpan(at, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0;

        private static double Linear(double channel) => channel <= 0.04045 ? channel / 12.92 : Math.Pow((channel + 0.055) / 1.055, 2.4);
    }
}
