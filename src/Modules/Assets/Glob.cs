using System.Text;
using System.Text.RegularExpressions;

namespace Assets;

/// <summary>
/// Paths by pattern: <c>*</c> is any run of characters within a segment, <c>**</c> across segments, <c>?</c> one character. A pattern without a
/// slash is about the name of the file, in whatever folder.
/// </summary>
internal sealed class Glob(string pattern)
{
    private readonly Regex regex = new(
        $"^{(pattern.Contains('/', StringComparison.Ordinal) ? "" : "(?:.*/)?")}{Translate(pattern)}$",
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline);

    public bool Matches(string path) => regex.IsMatch(path);

    private static string Translate(string pattern)
    {
        var regex = new StringBuilder();
        for (var i = 0; i < pattern.Length; i++)
        {
            var rest = pattern.AsSpan(i);
            if (rest.StartsWith("**/", StringComparison.Ordinal))
            {
                regex.Append("(?:.*/)?");
                i += 2;
            }
            else if (rest.StartsWith("**", StringComparison.Ordinal))
            {
                regex.Append(".*");
                i++;
            }
            else
            {
                regex.Append(pattern[i] switch { '*' => "[^/]*", '?' => "[^/]", var c => Regex.Escape(c.ToString()) });
            }
        }

        return regex.ToString();
    }
}
