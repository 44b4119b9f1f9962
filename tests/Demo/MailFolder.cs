using System.Text.RegularExpressions;
using Testing;

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

    // The headers a reader sees, and the text.
    private static string Text(string mail)
    {
        var headers = mail.ReplaceLineEndings("\n").Split("\n\n", 2)[0].Split('\n');
        var shown = headers.Where(line => line.StartsWith("From:", StringComparison.OrdinalIgnoreCase)
            || line.StartsWith("To:", StringComparison.OrdinalIgnoreCase) || line.StartsWith("Subject:", StringComparison.OrdinalIgnoreCase));
        return $"{string.Join('\n', shown)}\n\n{MailText.Of(mail).Trim()}";
    }

    [GeneratedRegex(@"https?://[^\s<>""]+")]
    private static partial Regex Link();
}
