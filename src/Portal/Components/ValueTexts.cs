using Microsoft.Extensions.Localization;
using Platform.Languages;

namespace Portal.Components;

/// <summary>What pages call states, kinds and roles. Each value has a text of its own: its key is the value, in a group for its type.</summary>
internal static class ValueTexts
{
    internal static string Of(this IStringLocalizer<Texts> texts, Enum value) => texts.Of(value.GetType().Name, value);

    /// <param name="group">What is said of the value, where that is not its name or it is a string.</param>
    internal static string Of(this IStringLocalizer<Texts> texts, string group, object value, params object[] more) => texts[$"{group}.{value}", more];
}
