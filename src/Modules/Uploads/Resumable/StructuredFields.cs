using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Primitives;

namespace Uploads;

/// <summary>Items of RFC 9651 as the draft has them. A field that is none of its type is no field: "Other values MUST cause the entire header field to be ignored."</summary>
internal static partial class StructuredFields
{
    public static bool? Boolean(StringValues field) => Item().Match(field.ToString()) is { Success: true } item
        ? item.Groups[1].ValueSpan switch
        {
            "?1" => true,
            "?0" => false,
            _ => null,
        }
        : null;

    /// <summary>A non-negative integer of up to 15 digits.</summary>
    public static long? Integer(StringValues field) =>
        Item().Match(field.ToString()) is { Success: true } item && item.Groups[1].Length <= 15
        && long.TryParse(item.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;

    public static string Format(bool value) => value ? "?1" : "?0";

    public static string Format(long value) => value.ToString(CultureInfo.InvariantCulture);

    // A bare item, and parameters that nobody asks for.
    [GeneratedRegex("""\A *([?0-9]+)(?:; *[a-z*][a-z0-9_.*-]*(?:=(?:[^;",]+|"(?:[^"\\]|\\["\\])*"))?)* *\z""")]
    private static partial Regex Item();
}
