using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Portal.Components;

/// <summary>Values of settings as people read and type them: numbers have units, and a point in every language, because a comma parts them.</summary>
internal static partial class SettingText
{
    // The largest that divides a size: what is shown is exact.
    private static readonly (string Name, long Bytes)[] Units =
    [
        ("TiB", 1L << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("KB", 1000), ("B", 1),
    ];

    /// <summary>What its numbers are; nothing where they say so themselves.</summary>
    internal static string UnitOf(string member) => member switch
    {
        _ when member.EndsWith("Usd", StringComparison.Ordinal) => "US$",
        _ when member.Contains("Percent", StringComparison.Ordinal) => "%",
        _ => "",
    };

    internal static bool IsOf(JsonNode schema, string type) => schema["type"] switch
    {
        JsonArray types => types.Any(each => (string?)each == type),
        { } one => (string?)one == type,
        null => false,
    };

    /// <summary>A value in one line; a dictionary has <c>name = value</c> between its commas.</summary>
    internal static string Format(string member, JsonNode? value) => value switch
    {
        null => "",
        JsonArray items => string.Join(", ", items.Select(item => Format(member, item))),
        JsonObject pairs => string.Join(", ", pairs.Select(pair => $"{pair.Key} = {Format(member, pair.Value)}")),
        _ when value.GetValueKind() is JsonValueKind.Number && IsSize(member) => SizeOf((long)value),
        _ => value.ToString(),
    };

    /// <summary>The value that such a line means. One that cannot be read is kept as it is: whoever takes the settings refuses it.</summary>
    internal static JsonNode? Parse(string member, JsonNode schema, string text)
    {
        var trimmed = text.Trim();
        if (IsOf(schema, "array"))
        {
            return trimmed.Length == 0 && IsOf(schema, "null") ? null : new JsonArray([.. Split(trimmed).Select(item => Parse(member, schema["items"]!, item))]);
        }

        if (IsOf(schema, "object"))
        {
            var pairs = Split(trimmed).Select(pair => pair.Split('=', 2, StringSplitOptions.TrimEntries));
            return new JsonObject(pairs.Select(pair => KeyValuePair.Create(pair[0], Parse(member, schema["additionalProperties"]!, pair.ElementAtOrDefault(1) ?? ""))));
        }

        if (trimmed.Length == 0 && IsOf(schema, "null"))
        {
            return null;
        }

        return (IsOf(schema, "integer") || IsOf(schema, "number")) && NumberOf(member, trimmed) is { } number
            ? decimal.IsInteger(number) && number is >= long.MinValue and <= long.MaxValue ? JsonValue.Create((long)number) : JsonValue.Create(number)
            : JsonValue.Create(trimmed);
    }

    private static bool IsSize(string member) => member.EndsWith("Bytes", StringComparison.Ordinal);

    private static IEnumerable<string> Split(string text) => text.Split([',', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string SizeOf(long bytes)
    {
        var (name, unit) = Units.First(each => bytes % each.Bytes == 0);
        return bytes == 0 ? "0 B" : string.Create(CultureInfo.InvariantCulture, $"{bytes / unit} {name}");
    }

    private static decimal? NumberOf(string member, string text)
    {
        var match = Number().Match(text);
        if (!match.Success || !decimal.TryParse(match.Groups[1].ValueSpan, NumberStyles.Number, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }

        var unit = match.Groups[2].Value;
        var factor = Units.FirstOrDefault(each => each.Name.Equals(unit, StringComparison.OrdinalIgnoreCase)).Bytes;
        return unit.Length == 0 || unit == UnitOf(member) ? number : IsSize(member) && factor > 0 ? number * factor : null;
    }

    [GeneratedRegex(@"^\$?\s*(-?[\d.]+)\s*(\S*)$")]
    private static partial Regex Number();
}
