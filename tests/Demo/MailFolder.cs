using System.Text;
using System.Text.RegularExpressions;

namespace Demo;

/// <summary>The folder into which the host writes its mail.</summary>
internal static partial class MailFolder
{
    /// <summary>Waits for the mail that names the album.</summary>
    /// <returns>Its readable text, or <see langword="null"/> where none came.</returns>
    public static async Task<string?> WaitForAsync(string folder, Guid albumId, TimeSpan timeout, CancellationToken cancellationToken)
    {
        for (var deadline = DateTime.UtcNow + timeout; ; await Task.Delay(200, cancellationToken))
        {
            var mails = Directory.Exists(folder) ? new DirectoryInfo(folder).EnumerateFiles("*.eml") : [];
            foreach (var mail in mails.OrderByDescending(file => file.LastWriteTimeUtc).Take(100))
            {
                var text = Text(await File.ReadAllTextAsync(mail.FullName, cancellationToken));
                if (text.Contains(albumId.ToString(), StringComparison.OrdinalIgnoreCase))
                {
                    return text;
                }
            }

            if (DateTime.UtcNow > deadline)
            {
                return null;
            }
        }
    }

    public static Uri? LinkTo(string mail, Guid albumId) =>
        Link().Matches(mail).FirstOrDefault(link => link.Value.Contains(albumId.ToString(), StringComparison.OrdinalIgnoreCase)) is { } match
            ? new Uri(match.Value)
            : null;

    // The headers a reader sees, and the first text (RFC 2045): as it is, or in base64.
    private static string Text(string mail)
    {
        var lines = mail.ReplaceLineEndings("\n");
        var headers = lines.Split("\n\n", 2)[0].Split('\n');
        var shown = headers.Where(line => line.StartsWith("From:", StringComparison.OrdinalIgnoreCase)
            || line.StartsWith("To:", StringComparison.OrdinalIgnoreCase) || line.StartsWith("Subject:", StringComparison.OrdinalIgnoreCase));
        var body = Base64Part().Match(lines) is { Success: true } part
            ? Encoding.UTF8.GetString(Convert.FromBase64String(part.Groups[1].Value))
            : lines[(lines.IndexOf("\n\n", StringComparison.Ordinal) + 2)..];
        return $"{string.Join('\n', shown)}\n\n{body.Trim()}";
    }

    [GeneratedRegex(@"content-transfer-encoding:\s*base64\n(?:[^\n]+\n)*\n((?:[A-Za-z0-9+/=]+\n)+)", RegexOptions.IgnoreCase)]
    private static partial Regex Base64Part();

    [GeneratedRegex(@"https?://[^\s<>""]+")]
    private static partial Regex Link();
}
