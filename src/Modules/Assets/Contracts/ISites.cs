namespace Assets.Contracts;

/// <summary>Sites for the portal. What somebody may do is for the caller to check.</summary>
public interface ISites
{
    /// <summary>All sites by name, as they are.</summary>
    Task<IReadOnlyList<SiteListed>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Lets an environment serve a release that is kept. Safe to repeat.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>SITE_NOT_FOUND</c>, <c>ENVIRONMENT_NOT_FOUND</c>, <c>RELEASE_NOT_FOUND</c>.</exception>
    Task ActivateAsync(string site, int release, string environment, CancellationToken cancellationToken);

    /// <summary>Says for which hosts the site's environments may have Cloudflare purged, and no others. Safe to repeat.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>SITE_NOT_FOUND</c>, <c>INVALID_CDN_HOST</c>.</exception>
    Task AllowCdnHostsAsync(string site, IReadOnlyList<CdnHostListed> hosts, CancellationToken cancellationToken);
}

/// <param name="Environments">Those that serve a release.</param>
/// <param name="Releases">Those that are kept, the newest first.</param>
/// <param name="Runs">The last that build servers reported, the newest first; so are alerts.</param>
public sealed record SiteListed(
    string Site,
    IReadOnlyList<EnvironmentListed> Environments,
    IReadOnlyList<ReleaseListed> Releases,
    IReadOnlyList<RunListed> Runs,
    IReadOnlyList<SiteAlertListed> Alerts,
    IReadOnlyList<CdnHostListed> CdnHosts);

/// <param name="Host">That environments of the site may have purged.</param>
/// <param name="Zone">Cloudflare's id of its zone.</param>
public sealed record CdnHostListed(string Host, string Zone);

/// <param name="Path">Where this host serves it.</param>
public sealed record EnvironmentListed(string Name, int Release, string Path);

public sealed record ReleaseListed(int Number, int Files, long SizeBytes, DateTimeOffset CreatedAt);

/// <param name="Release">What it made; <see langword="null"/> where it failed.</param>
/// <param name="FailedUploads">Attempts that failed, also where the next one did not.</param>
/// <param name="OperationsUsd">What its requests to the store cost; <see langword="null"/> where nobody knows any more.</param>
public sealed record RunListed(
    string Environment,
    int? Release,
    double Seconds,
    int UploadedObjects,
    long UploadedBytes,
    int FailedUploads,
    decimal? OperationsUsd,
    string? Failure,
    DateTimeOffset At);

/// <param name="Kind">What happened: one of <see cref="Kinds"/>.</param>
/// <param name="Detail">What exactly.</param>
public sealed record SiteAlertListed(string Environment, string Kind, string Detail, DateTimeOffset At)
{
    public static IReadOnlyList<string> Kinds { get; } =
        [AlertRaised.SyncFailed, AlertRaised.UploadErrors, AlertRaised.PublicUrlSlow, AlertRaised.PublicUrlFailed, AlertRaised.PurgeFailed];
}
