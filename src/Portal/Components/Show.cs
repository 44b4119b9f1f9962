using System.Globalization;
using Microsoft.Extensions.Localization;
using Platform.Languages;

namespace Portal.Components;

/// <summary>Numbers, times and names as people read them, in the language of the page.</summary>
internal static class Show
{
    /// <summary>The zone of what concerns no wedding, or many.</summary>
    internal const string Utc = "UTC";

    private static readonly string[] Units = ["B", "KB", "MB", "GB", "TB", "PB"];

    /// <summary>Decimal units with three digits at most: <c>18.4 GB</c>.</summary>
    internal static string Bytes(double bytes)
    {
        var unit = 0;
        for (; bytes >= 999.5 && unit < Units.Length - 1; unit++)
        {
            bytes /= 1000;
        }

        return string.Create(CultureInfo.CurrentCulture, $"{Math.Round(bytes, bytes >= 99.5 || unit == 0 ? 0 : 1)} {Units[unit]}");
    }

    internal static string Rate(double? bytesPerSecond) => bytesPerSecond is { } rate and > 0 ? $"{Bytes(rate)}/s" : "–";

    internal static string Count(long count) => count.ToString("N0", CultureInfo.CurrentCulture);

    /// <summary>Dollars and cents; of less than a cent as many digits as it takes: <c>$0.00042</c>.</summary>
    internal static string Money(decimal usd) => usd switch
    {
        0 => usd.ToString("C0", CultureInfo.CurrentCulture),
        < 0.00001m => string.Create(CultureInfo.CurrentCulture, $"<\u00a0{0.00001m:C5}"),
        < 0.01m => usd.ToString("C5", CultureInfo.CurrentCulture),
        _ => usd.ToString("C2", CultureInfo.CurrentCulture),
    };

    internal static string Hours(this IStringLocalizer<Texts> texts, long microseconds) => TimeSpan.FromMicroseconds(microseconds) is var time && time.TotalHours >= 1
        ? texts["Costs.Hours", time.TotalHours.ToString("N1", CultureInfo.CurrentCulture)]
        : texts["Costs.Seconds", time.TotalSeconds.ToString("N1", CultureInfo.CurrentCulture)];

    internal static string Percent(long done, long total) =>
        string.Create(CultureInfo.CurrentCulture, $"{(total == 0 ? 0 : Math.Floor(1000d * done / total) / 10):0.#} %");

    /// <summary>An estimate, no more exact than it can be: <c>about 2 minutes left</c>.</summary>
    internal static string TimeLeft(this IStringLocalizer<Texts> texts, double seconds) => texts["Time.Left", seconds switch
    {
        < 10 => texts["Time.FewSeconds"],
        < 55 => texts["Time.Seconds", Count((long)Math.Ceiling(seconds / 10) * 10)],
        < 3300 => texts.Count("Time.Minutes", (long)Math.Round(seconds / 60)),
        _ => texts.Count("Time.Hours", (long)Math.Round(seconds / 3600)),
    }];

    /// <param name="timeZone">As IANA names it.</param>
    internal static string Time(DateTimeOffset at, string timeZone) => In(at, timeZone).ToString("F", CultureInfo.CurrentCulture);

    internal static string Day(DateOnly day) => day.ToString("D", CultureInfo.CurrentCulture);

    /// <summary>The day as it is where the wedding is.</summary>
    internal static string Day(DateTimeOffset at, string timeZone) => Day(DateOnly.FromDateTime(In(at, timeZone)));

    internal static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    private static DateTime In(DateTimeOffset at, string timeZone) => TimeZoneInfo.ConvertTime(at, TimeZoneInfo.FindSystemTimeZoneById(timeZone)).DateTime;
}
