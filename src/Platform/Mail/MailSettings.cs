using Platform.Languages;
using Platform.Settings;

namespace Platform.Mail;

// The document of stream settings-mail. This shape is a storage format: add members, never rename or remove one.

/// <summary>What mails are like that no wedding decides about.</summary>
public sealed record MailSettings : ISettings
{
    public static string Name => "mail";

    /// <summary>What mails to admins are written in: one of <see cref="Language.All"/>.</summary>
    public string AdminLanguage { get; init; } = Language.English;

    public IEnumerable<BrokenRule> BrokenRules()
    {
        if (AdminLanguage is null || !Language.All.ContainsKey(AdminLanguage))
        {
            yield return new(nameof(AdminLanguage), $"one of {string.Join(", ", Language.All.Keys.Order(StringComparer.Ordinal))}");
        }
    }
}
