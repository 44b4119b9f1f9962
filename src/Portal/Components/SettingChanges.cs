using System.Text.Json;

namespace Portal.Components;

/// <summary>What a change of settings changed: the single values, by where they stand.</summary>
internal static class SettingChanges
{
    private const string None = "none";

    internal static IReadOnlyList<string> Between(JsonElement now, JsonElement before)
    {
        var former = Values(before, "").ToDictionary();
        var present = Values(now, "").ToDictionary();
        var changed = present.Where(value => !former.TryGetValue(value.Key, out var was) || was != value.Value)
            .Select(value => $"{value.Key}: {(former.TryGetValue(value.Key, out var was) ? $"{was} → " : "")}{value.Value}");
        return [.. changed, .. former.Keys.Except(present.Keys).Select(gone => $"{gone}: gone")];
    }

    private static IEnumerable<KeyValuePair<string, string>> Values(JsonElement element, string path)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                return element.EnumerateObject().SelectMany(member => Values(member.Value, path.Length == 0 ? SettingText.NameOf(member.Name) : $"{path}, {SettingText.NameOf(member.Name)}"));
            case JsonValueKind.Array when element.EnumerateArray().All(item => item.ValueKind is JsonValueKind.Object) && element.GetArrayLength() > 0:
                return element.EnumerateArray().SelectMany(item => Values(item, $"{path} {(item.TryGetProperty("name", out var name) ? name.GetString() : "")}"));
            default:
                return [KeyValuePair.Create(path, element.ValueKind is JsonValueKind.Null ? None : element.ToString())];
        }
    }
}
