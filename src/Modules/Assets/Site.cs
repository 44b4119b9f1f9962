using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Assets.Images;
using Platform.Events;

namespace Assets;

// Stream site-{name}. These shapes are the storage format: add members, never rename or remove one.

/// <summary>What all events of a site have in common.</summary>
internal interface ISiteEvent;

internal sealed record SiteRegistered(string Name, IReadOnlyList<SiteEnvironment> Environments, DateTimeOffset At) : ISiteEvent;

/// <summary>A build server began to bring the files of an environment. Another one under way for it is superseded.</summary>
/// <param name="ManifestHash">Of the release that is to come.</param>
/// <param name="UnchangedFiles">As in the release that is served.</param>
/// <param name="RemovedFiles">In the release that is served, but not in this one.</param>
internal sealed record SyncStarted(
    Guid SyncId,
    string Environment,
    string ManifestHash,
    int Files,
    long SizeBytes,
    int UnchangedFiles,
    int RemovedFiles,
    int MissingObjects,
    long MissingBytes,
    DateTimeOffset At) : ISiteEvent
{
    /// <summary>The environment's then: where its objects go.</summary>
    public string? Prefix { get; init; }
}

/// <summary>All objects of the sync are in the store and checked; its release exists from here on.</summary>
internal sealed record SyncCompleted(
    Guid SyncId, int Release, string Environment, string ManifestHash, int Files, long SizeBytes, DateTimeOffset At) : ISiteEvent
{
    /// <summary>Where its objects are, whichever environment serves it.</summary>
    public string? Prefix { get; init; }
}

/// <summary>The environment serves this release: the one step in which everything switches.</summary>
/// <param name="FormerRelease">The one it served before; <see langword="null"/> for its first.</param>
internal sealed record ReleaseActivated(int Release, string Environment, string ManifestHash, int? FormerRelease, DateTimeOffset At) : ISiteEvent;

/// <summary>
/// The public paths of the environment are being brought to this release; <see cref="ReleaseActivated"/> says when they are there. Another one
/// takes its place.
/// </summary>
/// <param name="Environment">As it was configured then.</param>
internal sealed record PublicationStarted(int Release, SiteEnvironment Environment, string ManifestHash, DateTimeOffset At) : ISiteEvent;

internal sealed record EnvironmentConfigured(SiteEnvironment Environment, DateTimeOffset At) : ISiteEvent;

/// <summary>These releases cannot be activated any more. What only they had is removed.</summary>
internal sealed record ReleasesDiscarded(IReadOnlyList<int> Releases, DateTimeOffset At) : ISiteEvent;

/// <summary>A run of a build server ended, as it says itself.</summary>
/// <param name="Release">What it made; <see langword="null"/> where it failed.</param>
/// <param name="FailedUploads">Attempts that failed, also where the next one did not.</param>
internal sealed record SyncReported(
    Guid SyncId,
    string Environment,
    int? Release,
    double Seconds,
    int UploadedObjects,
    long UploadedBytes,
    int FailedUploads,
    string? Failure,
    DateTimeOffset At) : ISiteEvent
{
    /// <summary>By the prices of that day; <see langword="null"/> in reports from before it was kept.</summary>
    public SyncCost? Cost { get; init; }
}

/// <summary>Something that somebody should look at. Admins get it by mail.</summary>
/// <param name="Kind">One of the words below.</param>
internal sealed record AlertRaised(string Environment, string Kind, string Detail, Guid? SyncId, int? Release, DateTimeOffset At) : ISiteEvent
{
    public const string SyncFailed = "sync_failed";
    public const string UploadErrors = "upload_errors";
    public const string PublicUrlSlow = "public_url_slow";
    public const string PublicUrlFailed = "public_url_failed";
    public const string PurgeFailed = "purge_failed";
}

/// <summary>The CDN was told what this release changed.</summary>
/// <param name="Urls"><see langword="null"/> for all it had.</param>
internal sealed record PathsPurged(string Environment, int Release, int? Urls, DateTimeOffset At) : ISiteEvent;

/// <summary>Whose caches the environments may have purged, as an admin says: these, and no others.</summary>
internal sealed record CdnHostsAllowed(IReadOnlyList<CdnHost> Hosts, DateTimeOffset At) : ISiteEvent;

/// <summary>When an alert is raised.</summary>
/// <param name="UploadErrorPercent">Of all attempts to upload: more is too many.</param>
/// <param name="ResponseSeconds">Until the public address answers.</param>
internal sealed record AlertThresholds(double UploadErrorPercent = 5, double ResponseSeconds = 2)
{
    public bool IsValid() => UploadErrorPercent is >= 0 and <= 100 && ResponseSeconds is > 0 and <= 30;
}

/// <param name="Name">One of <see cref="Site.EnvironmentNames"/>.</param>
/// <param name="CacheRules">The first whose pattern matches holds; <see langword="null"/> for none.</param>
/// <param name="PublishesPaths">Whether its files are also copied to the paths they have in the build, for whoever reads the bucket itself.</param>
/// <param name="ImageRules">The first whose pattern matches holds; <see langword="null"/> for none.</param>
/// <param name="PublicUrl">Where visitors find it, with a slash at its end; <see langword="null"/> where only this host serves it.</param>
/// <param name="CloudflareZone">Of the CDN before it.</param>
/// <param name="PurgeWebhookUrl">Of a server that purges the CDN before it.</param>
/// <param name="AlertThresholds"><see langword="null"/> for the usual ones.</param>
/// <param name="Prefix">Under which its objects and public paths are kept apart; <see langword="null"/> for those that the site's environments share.</param>
internal sealed record SiteEnvironment(
    string Name,
    IReadOnlyList<CacheRule>? CacheRules = null,
    bool PublishesPaths = false,
    IReadOnlyList<SiteImageRule>? ImageRules = null,
    string? PublicUrl = null,
    string? CloudflareZone = null,
    string? PurgeWebhookUrl = null,
    AlertThresholds? AlertThresholds = null,
    string? Prefix = null)
{
    [JsonIgnore]
    public AlertThresholds Alerts => AlertThresholds ?? new AlertThresholds();
}

/// <param name="Number">Counts the releases of a site from 1, whatever their environment.</param>
internal sealed record Release(
    int Number, string ManifestHash, int Files, long SizeBytes, string Environment, Guid SyncId, DateTimeOffset CreatedAt, string? Prefix);

/// <summary>A website whose files are kept in the store: releases, and which of them each environment serves.</summary>
internal sealed record Site : IState<Site, ISiteEvent>
{
    public static string Category => "site";

    public static Site Initial { get; } = new();

    // What somebody looks at; the log has all.
    private const int MostRemembered = 20;

    public static IReadOnlyList<string> EnvironmentNames { get; } = ["production", "staging", "development"];

    public SiteRegistered? Registration { get; private init; }

    public ImmutableSortedDictionary<string, SiteEnvironment> Environments { get; private init; } =
        ImmutableSortedDictionary.Create<string, SiteEnvironment>(StringComparer.Ordinal);

    public ImmutableSortedDictionary<int, Release> Releases { get; private init; } = ImmutableSortedDictionary<int, Release>.Empty;

    /// <summary>Release by environment.</summary>
    public ImmutableDictionary<string, ReleaseActivated> Active { get; private init; } = ImmutableDictionary<string, ReleaseActivated>.Empty;

    /// <summary>The sync under way by environment.</summary>
    public ImmutableDictionary<string, SyncStarted> Syncs { get; private init; } = ImmutableDictionary<string, SyncStarted>.Empty;

    /// <summary>By environment: what its public paths were last brought to.</summary>
    public ImmutableDictionary<string, PublicationStarted> Published { get; private init; } = ImmutableDictionary<string, PublicationStarted>.Empty;

    /// <summary>By environment: publications that began since, the last of which counts.</summary>
    public ImmutableDictionary<string, ImmutableList<PublicationStarted>> Publications { get; private init; } =
        ImmutableDictionary<string, ImmutableList<PublicationStarted>>.Empty;

    /// <summary>The last <see cref="MostRemembered"/> runs that were reported, the newest last.</summary>
    public ImmutableList<SyncReported> Runs { get; private init; } = [];

    /// <summary>The last <see cref="MostRemembered"/>, the newest last.</summary>
    public ImmutableList<AlertRaised> Alerts { get; private init; } = [];

    public ImmutableList<CdnHost> CdnHosts { get; private init; } = [];

    public ImmutableHashSet<Guid> Superseded { get; private init; } = [];

    /// <summary>Releases are numbered without gaps, also where the last ones were discarded.</summary>
    public int LastRelease { get; private init; }

    public static Site Evolve(Site state, ISiteEvent e) => e switch
    {
        SiteRegistered site => state with
        {
            Registration = site,
            Environments = state.Environments.SetItems(site.Environments.Select(named => KeyValuePair.Create(named.Name, named))),
        },
        SyncStarted sync => state with
        {
            Syncs = state.Syncs.SetItem(sync.Environment, sync),
            Superseded = state.Syncs.GetValueOrDefault(sync.Environment) is { } former ? state.Superseded.Add(former.SyncId) : state.Superseded,
        },
        SyncCompleted sync => state with
        {
            Syncs = state.Syncs.Remove(sync.Environment),
            LastRelease = sync.Release,
            Releases = state.Releases.SetItem(
                sync.Release,
                new Release(sync.Release, sync.ManifestHash, sync.Files, sync.SizeBytes, sync.Environment, sync.SyncId, sync.At, sync.Prefix)),
        },
        EnvironmentConfigured configured => state with
        {
            Environments = state.Environments.SetItem(configured.Environment.Name, configured.Environment),
        },
        CdnHostsAllowed allowed => state with { CdnHosts = [.. allowed.Hosts] },
        SyncReported run => state with { Runs = Last(state.Runs.Add(run)) },
        AlertRaised alert => state with { Alerts = Last(state.Alerts.Add(alert)) },
        ReleasesDiscarded discarded => state with { Releases = state.Releases.RemoveRange(discarded.Releases) },
        PublicationStarted publication => state with
        {
            Publications = state.Publications.SetItem(
                publication.Environment.Name, state.PublicationsOf(publication.Environment.Name).Add(publication)),
        },
        ReleaseActivated active => state.EndPublication(active.Environment) with { Active = state.Active.SetItem(active.Environment, active) },
        _ => state,
    };

    /// <exception cref="CommandRefusedException"><c>SITE_NOT_FOUND</c>, <c>ENVIRONMENT_NOT_FOUND</c></exception>
    public SiteEnvironment EnvironmentOf(string site, string? environment)
    {
        MustExist(site);
        return environment is not null && Environments.TryGetValue(environment, out var found)
            ? found
            : throw new CommandRefusedException(
                "ENVIRONMENT_NOT_FOUND", $"The site {site} has no such environment: it has {string.Join(", ", Environments.Keys)}.");
    }

    /// <exception cref="CommandRefusedException"><c>SITE_NOT_FOUND</c></exception>
    public void MustExist(string site)
    {
        if (Registration is null)
        {
            throw new CommandRefusedException("SITE_NOT_FOUND", $"There is no site {site}.");
        }
    }

    /// <summary>Whether its CDN, if it has one, is one that an admin allowed, for the host that its files are at.</summary>
    public bool MayPurge(SiteEnvironment environment) => environment.CloudflareZone is not { } zone
        || (environment.PublicUrl is { } url && CdnHosts.Contains(new CdnHost(new Uri(url).IdnHost, zone)));

    public ImmutableList<PublicationStarted> PublicationsOf(string environment) => Publications.GetValueOrDefault(environment) ?? [];

    public ReleaseActivated Activation(int release, string environment, string manifestHash, DateTimeOffset now) =>
        new(release, environment, manifestHash, Active.GetValueOrDefault(environment)?.Release, now);

    /// <summary>What lets an environment serve a release: at once, or, where it publishes paths, once they are there.</summary>
    public ISiteEvent SwitchTo(int release, string environment, string manifestHash, DateTimeOffset now) =>
        Environments[environment] is { PublishesPaths: true } publishing
            ? new PublicationStarted(release, publishing, manifestHash, now)
            : Activation(release, environment, manifestHash, now);

    /// <exception cref="CommandRefusedException"><c>RELEASE_NOT_FOUND</c></exception>
    public Release ReleaseOf(int number) => Releases.GetValueOrDefault(number)
        ?? throw new CommandRefusedException("RELEASE_NOT_FOUND", $"There is no release {number}, or it is not kept any more.");

    public Release? ReleaseBy(Guid syncId) => Releases.Values.FirstOrDefault(release => release.SyncId == syncId);

    /// <summary>The sync under way that has this id.</summary>
    /// <exception cref="CommandRefusedException"><c>SYNC_SUPERSEDED</c>, <c>SYNC_NOT_FOUND</c></exception>
    public SyncStarted SyncOf(Guid syncId) =>
        Syncs.Values.FirstOrDefault(sync => sync.SyncId == syncId)
        ?? throw (Superseded.Contains(syncId)
            ? new CommandRefusedException("SYNC_SUPERSEDED", "Another sync of this environment began after this one, and goes on in its place.")
            : new CommandRefusedException("SYNC_NOT_FOUND", "There is no such sync under way."));

    private static ImmutableList<T> Last<T>(ImmutableList<T> all) => all.Count > MostRemembered ? all.RemoveAt(0) : all;

    private Site EndPublication(string environment) => PublicationsOf(environment) is [.., var last]
        ? this with { Published = Published.SetItem(environment, last), Publications = Publications.Remove(environment) }
        : this;
}
