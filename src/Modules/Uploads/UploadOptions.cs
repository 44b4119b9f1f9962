using System.Globalization;
using Microsoft.Extensions.Configuration;
using Platform;

namespace Uploads;

/// <summary>How this process goes about it. What may change while it runs is in <see cref="UploadSettings"/>.</summary>
/// <param name="SweepInterval">How often a worker looks for uploads whose time is over.</param>
internal sealed record UploadOptions(TimeSpan SweepInterval)
{
    /// <exception cref="StartupException">A value is out of bounds.</exception>
    public static UploadOptions Read(IConfiguration configuration) =>
        TimeSpan.TryParse(configuration["Uploads:SweepInterval"] ?? "00:10:00", CultureInfo.InvariantCulture, out var interval)
            && interval >= TimeSpan.FromSeconds(1)
            ? new UploadOptions(interval)
            : throw new StartupException("Uploads__SweepInterval must be a time of at least a second, such as 00:10:00.");
}
