using System.Globalization;
using Microsoft.Extensions.Configuration;
using Platform;

namespace Uploads;

/// <summary>How this process goes about it. What may change while it runs is in <see cref="UploadSettings"/>.</summary>
/// <param name="SweepInterval">How often a worker looks for uploads whose time is over.</param>
/// <param name="PublicUrl">Where clients reach this server, with a slash at its end; <see langword="null"/> where that is what they ask for.</param>
internal sealed record UploadOptions(TimeSpan SweepInterval, Uri? PublicUrl = null)
{
    /// <exception cref="StartupException">A value is out of bounds.</exception>
    public static UploadOptions Read(IConfiguration configuration)
    {
        if (!TimeSpan.TryParse(configuration["Uploads:SweepInterval"] ?? "00:10:00", CultureInfo.InvariantCulture, out var interval)
            || interval < TimeSpan.FromSeconds(1))
        {
            throw new StartupException("Uploads__SweepInterval must be a time of at least a second, such as 00:10:00.");
        }

        return new UploadOptions(interval, configuration["PublicUrl"] is { Length: > 0 } ? Platform.Http.PublicUrl.Read(configuration).Url : null);
    }
}
