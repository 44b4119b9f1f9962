using System.Text.Json;
using Microsoft.Extensions.Localization;
using Platform.Languages;

namespace Portal.Components;

/// <summary>What a change of settings changed: the single values, by where they stand.</summary>
internal static class SettingChanges
{
    internal static IReadOnlyList<string> Between(IStringLocalizer<Texts> texts, JsonElement now, JsonElement before)
    {
        var former = Values(texts, before, "").ToDictionary();
        var present = Values(texts, now, "").ToDictionary();
        var changed = present.Where(value => !former.TryGetValue(value.Key, out var was) || was != value.Value)
            .Select(value => $"{value.Key}: {(former.TryGetValue(value.Key, out var was) ? $"{was} → " : "")}{value.Value}");
        return [.. changed, .. former.Keys.Except(present.Keys).Select(gone => $"{gone}: {texts["SettingForm.Gone"]}")];
    }

    private static IEnumerable<KeyValuePair<string, string>> Values(IStringLocalizer<Texts> texts, JsonElement element, string path)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                return element.EnumerateObject()
                    .SelectMany(member => Values(texts, member.Value, $"{path}{(path.Length == 0 ? "" : ", ")}{texts.Of("Setting", member.Name)}"));
            case JsonValueKind.Array when element.EnumerateArray().All(item => item.ValueKind is JsonValueKind.Object) && element.GetArrayLength() > 0:
                return element.EnumerateArray().SelectMany(item => Values(texts, item, $"{path} {(item.TryGetProperty("name", out var name) ? name.GetString() : "")}"));
            default:
                return [KeyValuePair.Create(path, element.ValueKind is JsonValueKind.Null ? texts["SettingForm.None"] : element.ToString())];
        }
    }
}
