using System.Collections.Frozen;
using System.Net.Http.Headers;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Configuration;
using Platform;
using Platform.Settings;

namespace Uploads;

// The document of stream settings-uploads. This shape is a storage format: add members, never rename or remove one.

/// <summary>
/// What is taken from whom. Changed at runtime; until then <c>Uploads:*</c> of the configuration holds. An upload keeps the terms it began with.
/// </summary>
internal sealed record UploadSettings : ISettings
{
    private static readonly FrozenSet<string> Runnable = new[]
    {
        "text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml",
        "text/javascript", "application/javascript", "application/ecmascript", "application/x-javascript",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static string Name => "uploads";

    public long MaxSizeBytes { get; init; } = 10L << 30;

    /// <summary>
    /// Where the client names none. Small enough that a broken connection costs little on a phone, large enough that a video has
    /// few parts, and far below what proxies let pass.
    /// </summary>
    public long ChunkSizeBytes { get; init; } = 16L << 20;

    public long MaxChunkSizeBytes { get; init; } = 150L << 20;

    /// <summary>For clients whose request came through a proxy. Cloudflare's free plan lets 100 MB pass.</summary>
    public long MaxChunkSizeBehindProxyBytes { get; init; } = 100_000_000;

    /// <summary>R2 aborts incomplete multipart uploads after 7 days: a day less leaves time to complete.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromDays(6);

    /// <summary>The media types taken; <see langword="null"/> for all of <see cref="Uploads.ContentTypes"/>.</summary>
    public IReadOnlyList<string>? ContentTypes { get; init; }

    /// <summary>More is asked for by nobody but a client that does not complete what it begins.</summary>
    public int MaxOpenUploadsPerUser { get; init; } = 1_000;

    /// <summary>All files of one wedding; <see langword="null"/> for as much as there is room.</summary>
    public long? QuotaPerWeddingBytes { get; init; }

    /// <summary>Of single users, by id, instead of what their role has.</summary>
    public IReadOnlyDictionary<string, long> UserQuotasBytes { get; init; } = FrozenDictionary<string, long>.Empty;

    /// <summary>Of single weddings, by id, instead of what all have.</summary>
    public IReadOnlyDictionary<string, long> WeddingQuotasBytes { get; init; } = FrozenDictionary<string, long>.Empty;

    public LimitsByRole Roles { get; init; } = new();

    [JsonIgnore]
    public bool HasQuotas => QuotaPerWeddingBytes is not null || UserQuotasBytes.Count > 0 || WeddingQuotasBytes.Count > 0
        || Roles.All.Any(role => role.Limits.QuotaPerUserBytes is not null);

    /// <exception cref="StartupException">A value is out of bounds.</exception>
    public static UploadSettings Read(IConfiguration configuration)
    {
        var settings = Bind(configuration);
        return settings.BrokenRules().FirstOrDefault() is { } broken
            ? throw new StartupException($"Uploads__{broken.Setting.Replace(".", "__", StringComparison.Ordinal)} must be {broken.Rule}.")
            : settings;
    }

    public IEnumerable<BrokenRule> BrokenRules()
    {
        const long FiveTebibytes = 5L << 40;
        const long FiveGibibytes = 5L << 30;
        return Rules().Where(rule => !rule.Holds).Select(rule => new BrokenRule(rule.Setting, rule.Rule));

        IEnumerable<(bool Holds, string Setting, string Rule)> Rules()
        {
            yield return (MaxSizeBytes is > 0 and <= FiveTebibytes, nameof(MaxSizeBytes), "between 1 and 5 TiB");
            yield return (IsPartSize(MaxChunkSizeBytes), nameof(MaxChunkSizeBytes), "between 5 MiB and 5 GiB");
            yield return (IsPartSize(MaxChunkSizeBehindProxyBytes), nameof(MaxChunkSizeBehindProxyBytes), "between 5 MiB and 5 GiB");
            yield return (
                ChunkSizeBytes >= PartPlan.MinPartSizeBytes && ChunkSizeBytes <= Math.Min(MaxChunkSizeBytes, MaxChunkSizeBehindProxyBytes),
                nameof(ChunkSizeBytes),
                $"between 5 MiB and {nameof(MaxChunkSizeBytes)}, also behind a proxy");
            yield return (Lifetime > TimeSpan.Zero && Lifetime < TimeSpan.FromDays(7), nameof(Lifetime), "more than 0 and less than 7 days");
            yield return (ContentTypes?.All(IsTakeable) ?? true, nameof(ContentTypes), "media types such as image/jpeg, none that a browser would run");
            yield return (MaxOpenUploadsPerUser > 0, nameof(MaxOpenUploadsPerUser), "more than 0");
            yield return (QuotaPerWeddingBytes is null or >= 0, nameof(QuotaPerWeddingBytes), "0 or more");
            yield return (UserQuotasBytes.Values.All(quota => quota >= 0), nameof(UserQuotasBytes), "0 or more for each user");
            yield return (WeddingQuotasBytes.Values.All(quota => quota >= 0), nameof(WeddingQuotasBytes), "0 or more for each wedding");
            foreach (var (role, limits) in Roles.All)
            {
                yield return (limits.MaxSizeBytes is null or > 0, $"{nameof(Roles)}.{role}.{nameof(limits.MaxSizeBytes)}", "more than 0");
                yield return (limits.QuotaPerUserBytes is null or >= 0, $"{nameof(Roles)}.{role}.{nameof(limits.QuotaPerUserBytes)}", "0 or more");
                yield return (limits.MaxOpenUploads is null or > 0, $"{nameof(Roles)}.{role}.{nameof(limits.MaxOpenUploads)}", "more than 0");
            }
        }

        static bool IsPartSize(long sizeBytes) => sizeBytes is >= PartPlan.MinPartSizeBytes and <= FiveGibibytes;
    }

    /// <param name="isProxied">Whether a proxy stands between, which may refuse large bodies.</param>
    public FileLimits LimitsFor(string? userRole, bool isProxied) => new(
        Math.Min(MaxSizeBytes, Roles.Of(userRole).MaxSizeBytes ?? MaxSizeBytes),
        ChunkSizeBytes,
        isProxied ? Math.Min(MaxChunkSizeBytes, MaxChunkSizeBehindProxyBytes) : MaxChunkSizeBytes);

    private static bool IsTakeable(string type) => MediaTypeHeaderValue.TryParse(type, out var parsed) && !Runnable.Contains(parsed.MediaType!);

    private static UploadSettings Bind(IConfiguration configuration)
    {
        try
        {
            return configuration.GetSection("Uploads").Get<UploadSettings>() ?? new UploadSettings();
        }
        catch (InvalidOperationException e)
        {
            throw new StartupException(e.Message.Replace("Uploads:", "Uploads__", StringComparison.Ordinal), e);
        }
    }
}

/// <summary>What holds for a role beside what holds for all.</summary>
internal sealed record LimitsByRole
{
    public RoleLimits Creator { get; init; } = new();

    public RoleLimits Member { get; init; } = new();

    public RoleLimits Subscriber { get; init; } = new();

    [JsonIgnore]
    public IEnumerable<(string Role, RoleLimits Limits)> All => [(nameof(Creator), Creator), (nameof(Member), Member), (nameof(Subscriber), Subscriber)];

    /// <summary>Nothing beside where the role is none.</summary>
    public RoleLimits Of(string? userRole) =>
        All.FirstOrDefault(role => role.Role.Equals(userRole, StringComparison.OrdinalIgnoreCase)).Limits ?? new RoleLimits();
}

/// <param name="MaxSizeBytes">Of a file, where it is less than for all.</param>
/// <param name="QuotaPerUserBytes">All files of one user of the role; <see langword="null"/> for as much as there is room.</param>
/// <param name="MaxOpenUploads">Instead of <see cref="UploadSettings.MaxOpenUploadsPerUser"/>.</param>
internal sealed record RoleLimits(long? MaxSizeBytes = null, long? QuotaPerUserBytes = null, int? MaxOpenUploads = null);

/// <summary>How large one file and its chunks may be.</summary>
internal readonly record struct FileLimits(long MaxSizeBytes, long ChunkSizeBytes, long MaxChunkSizeBytes);
