using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Localization;
using Platform.Languages;

namespace Portal;

/// <summary>What the script of a page shows. It loads no texts itself: the page brings them as <c>data-texts</c>, in its language.</summary>
internal static class ScriptTexts
{
    // It becomes an attribute, which is encoded as a whole.
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A JSON object of the texts whose keys begin so.</summary>
    internal static string ForScript(this IStringLocalizer<Texts> texts, params string[] groups) => JsonSerializer.Serialize(
        texts.GetAllStrings().Where(text => Array.Exists(groups, group => text.Name.StartsWith(group, StringComparison.Ordinal))).ToDictionary(text => text.Name, text => text.Value),
        Json);
}
