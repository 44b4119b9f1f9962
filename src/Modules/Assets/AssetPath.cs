using System.Text;
using System.Text.RegularExpressions;

namespace Assets;

/// <summary>
/// Paths of files within a site: relative, with <c>/</c> between segments none of which is empty, <c>.</c> or <c>..</c>, without control
/// characters and backslashes, in Unicode's normal form C, at most 700 bytes of UTF-8, so that with what the store puts before them they stay
/// a key. Names that differ in case only are different files.
/// </summary>
internal static partial class AssetPath
{
    private const int MostBytes = 700;

    public static bool IsValid(string? path) =>
        !string.IsNullOrEmpty(path)
        && !path.Any(c => char.IsControl(c) || c == '\\')
        && IsUnicode(path)
        && path.IsNormalized(NormalizationForm.FormC)
        && Encoding.UTF8.GetByteCount(path) <= MostBytes
        && path.Split('/').All(segment => segment is not ("" or "." or ".."));

    /// <summary>What is behind the last dot of the name, in lower case and with the dot, where it is one that servers know things by; else empty.</summary>
    public static string ExtensionOf(string path)
    {
        var extension = Path.GetExtension(path[(path.LastIndexOf('/') + 1)..]).ToLowerInvariant();
        return Extension().IsMatch(extension) ? extension : "";
    }

    // Lone surrogates are enumerated as the replacement character; a name that has it lost something on its way.
    private static bool IsUnicode(string path)
    {
        foreach (var rune in path.EnumerateRunes())
        {
            if (rune == Rune.ReplacementChar)
                return false;
        }

        return true;
    }

    [GeneratedRegex("^\\.[a-z0-9]{1,10}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex Extension();
}
