using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Portal.Components;

/// <summary>Settings as people read and type them: with names of words, and numbers with units.</summary>
internal static partial class SettingText
{
    // What words alone do not say.
    private static readonly Dictionary<string, string> Names = new()
    {
        ["sheets"] = "Price sheets",
        ["current"] = "Sheet that is paid",
        ["monthlyBudgetUsd"] = "Budget of a month",
        ["budgetAlertPercents"] = "Tell admins when so much of it is used",
        ["anomalyPercent"] = "Tell admins of a day that costs more than so much of the average",
        ["anomalyAtLeastUsd"] = "But of none that costs less than",
        ["classAPerMillionUsd"] = "A million writes",
        ["classBPerMillionUsd"] = "A million reads",
        ["egressPerGbUsd"] = "A GB read",
        ["gbMonthUsd"] = "A GB kept for a month",
        ["vcpuHourUsd"] = "An hour of a vCPU",
        ["fixedPerMonthUsd"] = "A month, whatever is done",
        ["maxSizeBytes"] = "Largest file",
        ["chunkSizeBytes"] = "Chunk",
        ["maxChunkSizeBytes"] = "Largest chunk",
        ["maxChunkSizeBehindProxyBytes"] = "Largest chunk behind a proxy",
        ["lifetime"] = "Time to complete an upload (days.hours:minutes:seconds)",
        ["contentTypes"] = "Types of files that are taken",
        ["maxOpenUploadsPerUser"] = "Open uploads of a user",
        ["maxOpenUploads"] = "Open uploads of a user",
        ["quotaPerWeddingBytes"] = "All files of a wedding",
        ["quotaPerUserBytes"] = "All files of a user",
        ["userQuotasBytes"] = "All files of these users",
        ["weddingQuotasBytes"] = "All files of these weddings",
    };

    // The largest that divides a size: what is shown is exact.
    private static readonly (string Name, long Bytes)[] Units =
    [
        ("TiB", 1L << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("KB", 1000), ("B", 1),
    ];

    /// <summary>What a member is called: its words without the unit.</summary>
    internal static string NameOf(string member)
    {
        if (Names.TryGetValue(member, out var name))
        {
            return name;
        }

        var words = WordStarts().Replace(member, " ").ToLowerInvariant();
        return char.ToUpperInvariant(words[0]) + words[1..];
    }

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

    [GeneratedRegex("(?=[A-Z])")]
    private static partial Regex WordStarts();

    [GeneratedRegex(@"^\$?\s*(-?[\d.]+)\s*(\S*)$")]
    private static partial Regex Number();
}
