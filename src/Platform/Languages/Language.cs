using System.Collections.Frozen;
using System.Globalization;
using System.Reflection;
using System.Resources;

namespace Platform.Languages;

/// <summary>The languages that pages and mails speak: English, and each that has a file of <see cref="Texts"/>.</summary>
public static class Language
{
    public const string English = "en";

    /// <summary>By their names, as in <c>de</c>. Their <c>D</c> and <c>F</c> patterns are those of the file, without the day of the week; money is dollars, in which stores are paid.</summary>
    public static FrozenDictionary<string, CultureInfo> All { get; } = Names().ToFrozenDictionary(name => name, CultureOf, StringComparer.OrdinalIgnoreCase);

    /// <summary>Texts, dates and numbers are of that language until the answer is disposed of.</summary>
    /// <param name="name">English where it is none of <see cref="All"/>.</param>
    public static IDisposable Speak(string? name)
    {
        var spoken = new Spoken(CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture);
        CultureInfo.CurrentCulture = CultureInfo.CurrentUICulture = name is not null && All.TryGetValue(name, out var culture) ? culture : All[English];
        return spoken;
    }

    // The build lists the files: Texts.de;Texts.fr
    private static IEnumerable<string> Names() =>
        typeof(Language).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == "Translations").Value!
            .Split(';', StringSplitOptions.RemoveEmptyEntries)
            .Select(file => Path.GetExtension(file)[1..])
            .Prepend(English);

    private static CultureInfo CultureOf(string name)
    {
        var culture = new CultureInfo(name, useUserOverride: false);
        var texts = new ResourceManager(typeof(Texts));
        culture.DateTimeFormat.LongDatePattern = texts.GetString("Format.Day", culture)!;
        culture.DateTimeFormat.FullDateTimePattern = texts.GetString("Format.Instant", culture)!;
        culture.NumberFormat.CurrencySymbol = "$";
        return CultureInfo.ReadOnly(culture);
    }

    private sealed class Spoken(CultureInfo culture, CultureInfo words) : IDisposable
    {
        public void Dispose() => (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = (culture, words);
    }
}
