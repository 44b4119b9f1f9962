using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Platform.Costs;

/// <param name="RecordEvery">Longer means fewer events; a process that is killed loses what it used since.</param>
internal sealed record CostOptions(TimeSpan RecordEvery)
{
    /// <summary>Setting <c>Costs__RecordEvery</c>, 10 minutes by default.</summary>
    /// <exception cref="StartupException">It is no time, or out of bounds.</exception>
    internal static CostOptions Read(IConfiguration configuration)
    {
        var setting = configuration["Costs:RecordEvery"] ?? "00:10:00";
        return TimeSpan.TryParse(setting, CultureInfo.InvariantCulture, out var every) && every >= TimeSpan.FromSeconds(1) && every <= TimeSpan.FromDays(1)
            ? new CostOptions(every)
            : throw new StartupException($"Costs__RecordEvery is {setting}, but must be a time between 00:00:01 and 1.00:00:00.");
    }
}
