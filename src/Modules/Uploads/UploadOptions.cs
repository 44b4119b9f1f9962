using System.Net.Http.Headers;
using Microsoft.Extensions.Configuration;
using Platform;

namespace Uploads;

/// <summary>Limits of uploads, from <c>Uploads:*</c>.</summary>
internal sealed record UploadOptions
{
    public long MaxSizeBytes { get; init; } = 10L << 30;

    /// <summary>
    /// Where the client names none. Small enough that a broken connection costs little on a phone, large enough that a video has
    /// few parts, and far below the 100 MB that Cloudflare's free plan lets pass.
    /// </summary>
    public long ChunkSizeBytes { get; init; } = 16L << 20;

    public long MaxChunkSizeBytes { get; init; } = 150L << 20;

    /// <summary>R2 aborts incomplete multipart uploads after 7 days: a day less leaves time to complete.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromDays(6);

    /// <summary>How often a worker looks for uploads whose time is over.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The media types taken; <see langword="null"/> for all of <see cref="Uploads.ContentTypes"/>.</summary>
    public IReadOnlyList<string>? ContentTypes { get; init; }

    /// <exception cref="StartupException">A value is out of bounds.</exception>
    public static UploadOptions Read(IConfiguration configuration)
    {
        var options = Bind(configuration);
        Check(options.MaxSizeBytes is > 0 and <= 5L << 40, nameof(MaxSizeBytes), "between 1 and 5 TiB");
        Check(
            options.MaxChunkSizeBytes is >= PartPlan.MinPartSizeBytes and <= 5L << 30, nameof(MaxChunkSizeBytes), "between 5 MiB and 5 GiB");
        Check(
            options.ChunkSizeBytes >= PartPlan.MinPartSizeBytes && options.ChunkSizeBytes <= options.MaxChunkSizeBytes,
            nameof(ChunkSizeBytes),
            "between 5 MiB and Uploads__MaxChunkSizeBytes");
        Check(
            options.Lifetime > TimeSpan.Zero && options.Lifetime < TimeSpan.FromDays(7), nameof(Lifetime), "more than 0 and less than 7 days");
        Check(
            options.ContentTypes?.All(type => MediaTypeHeaderValue.TryParse(type, out _)) ?? true,
            nameof(ContentTypes),
            "media types such as image/jpeg");
        Check(options.SweepInterval >= TimeSpan.FromSeconds(1), nameof(SweepInterval), "at least a second");
        return options;

        static void Check(bool holds, string key, string range)
        {
            if (!holds)
            {
                throw new StartupException($"Uploads__{key} must be {range}.");
            }
        }
    }

    private static UploadOptions Bind(IConfiguration configuration)
    {
        try
        {
            return configuration.GetSection("Uploads").Get<UploadOptions>() ?? new UploadOptions();
        }
        catch (InvalidOperationException e)
        {
            throw new StartupException(e.Message.Replace("Uploads:", "Uploads__", StringComparison.Ordinal), e);
        }
    }
}
