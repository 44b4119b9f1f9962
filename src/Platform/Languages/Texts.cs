using System.Globalization;
using Microsoft.Extensions.Localization;

namespace Platform.Languages;

/// <summary>
/// The words of pages and mails, asked for as <c>IStringLocalizer&lt;Texts&gt;</c>. They stand in <c>Texts.resx</c> beside this file in English, and in
/// <c>Texts.{language}.resx</c> in each other language: a file there is all it takes to have one.
/// </summary>
public sealed class Texts
{
    private Texts()
    {
    }
}

public static class TextForms
{
    /// <summary>What <paramref name="key"/> says of so many; of one what <c>{key}.One</c> says. The number is its first placeholder.</summary>
    public static string Count(this IStringLocalizer<Texts> texts, string key, long count, params object[] more) =>
        texts[count == 1 ? $"{key}.One" : key, [count.ToString("N0", CultureInfo.CurrentCulture), .. more]];
}
