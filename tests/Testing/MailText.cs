using System.Text;
using System.Text.RegularExpressions;

namespace Testing;

/// <summary>What a mail in a file says.</summary>
public static partial class MailText
{
    /// <summary>The first text of a mail (RFC 2045): as it is, or in Base64.</summary>
    public static string Of(string mail)
    {
        var lines = mail.ReplaceLineEndings("\n");
        return Base64Part().Match(lines) is { Success: true } part
            ? Encoding.UTF8.GetString(Convert.FromBase64String(part.Groups[1].Value))
            : lines[(lines.IndexOf("\n\n", StringComparison.Ordinal) + 2)..];
    }

    [GeneratedRegex(@"content-transfer-encoding:\s*base64\n(?:[^\n]+\n)*\n((?:[A-Za-z0-9+/=]+\n)+)", RegexOptions.IgnoreCase)]
    private static partial Regex Base64Part();
}
