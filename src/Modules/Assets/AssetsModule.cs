using Assets.Client;
using Assets.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Platform;
using Platform.Accounts;
using Platform.Costs;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;

namespace Assets;

/// <summary>Websites in the store: releases that a build server brings, only what changed, and that switch in one step.</summary>
public static class AssetsModule
{
    /// <summary>What <c>Host assets</c> can do.</summary>
    public static string VerbUsage => SyncVerb.Usage;

    /// <param name="work">Whether this process removes what no kept release has.</param>
    public static IServiceCollection AddAssets(this IServiceCollection services, IConfiguration configuration, bool work)
    {
        services.AddAssets(configuration);
        return work ? services.AddHostedService<DiscardReleases>() : services;
    }

    private static void AddAssets(this IServiceCollection services, IConfiguration configuration) => services
        .AddEventTypes(MapEvents)
        .AddErrorCodes(
            ("INVALID_CACHE_RULE", 400),
            ("INVALID_CDN_HOST", 400),
            ("INVALID_ENVIRONMENT", 400),
            ("INVALID_IMAGE_RULE", 400),
            ("INVALID_MANIFEST", 400),
            ("INVALID_SITE", 400),
            ("OBJECT_MISMATCH", 400),
            ("CDN_HOST_NOT_ALLOWED", 403),
            ("ENVIRONMENT_NOT_FOUND", 404),
            ("OBJECT_NOT_IN_SYNC", 404),
            ("RELEASE_NOT_FOUND", 404),
            ("SITE_NOT_FOUND", 404),
            ("SYNC_NOT_FOUND", 404),
            ("FILES_NOT_GIVEN", 409),
            ("OBJECT_BUSY", 409),
            ("SYNC_INCOMPLETE", 409),
            ("SYNC_SUPERSEDED", 409),
            ("TOO_MANY_REMOVALS", 409),
            ("SITE_FILE_TOO_LARGE", 413))
        .AddSingleton(RetentionOptions.Read(configuration))
        .AddOutboundHttp(configuration)
        .AddSingleton(CloudflareOptions.Read(configuration))

        // Told in this order: a zone that is not allowed any more keeps no server of the site's own waiting.
        .AddSingleton<ICdnPurge, WebhookPurge>()
        .AddSingleton<ICdnPurge, CloudflarePurge>()
        .AddSingleton<CacheRules>()
        .AddSingleton<ObjectIndex>()
        .AddSingleton<IHostedService>(provider => provider.GetRequiredService<ObjectIndex>())
        .AddSingleton<SiteObjects>()
        .AddSingleton<StartSyncHandler>()
        .AddSingleton<ReceiveObjectsHandler>()
        .AddSingleton<CommitSyncHandler>()
        .AddSingleton<AuditSiteHandler>()
        .AddSingleton<ServeSite>()
        .AddSingleton<ISites, SitesFacade>()
        .AddKeyOwner(SiteObjects.Prefix, SiteObjects.OwnerOf)
        .AddSingleton<IStoredBytes, StoredObjectsOfSites>()
        .AddSubscription<SiteReactions>()
        .AddJob<PublishRelease, PublishReleaseHandler>("publish_release", JobLane.Heavy, PublishReleaseHandler.Retry)
        .AddJob<PurgePaths, PurgePathsHandler>("purge_paths", JobLane.Outbound, PurgePathsHandler.Retry)
        .AddJob<CheckPublicUrl, CheckPublicUrlHandler>("check_public_url", JobLane.Outbound, CheckPublicUrlHandler.Retry)
        .AddJob<SendSiteAlert, SendSiteAlertHandler>("send_site_alert");

    /// <summary>Maps <c>/v1/sites</c>, and <c>/sites</c> where the sites themselves are.</summary>
    public static void MapAssets(this IEndpointRouteBuilder routes)
    {
        var sites = routes.MapGroup("/v1/sites").WithTags("Sites").RequireScope(Scopes.Sites, of: "site").RequireAllWeddings()
            .RefuseMalformedIds("id", "SYNC_NOT_FOUND");
        RegisterSiteHandler.Map(sites);
        GetSite.Map(sites);
        SiteLog.Map(sites);
        ConfigureEnvironmentHandler.Map(sites);
        AllowCdnHostsHandler.Map(sites);
        StartSyncHandler.Map(sites);
        ReceiveObjectsHandler.Map(sites);
        CommitSyncHandler.Map(sites);
        ReportSyncHandler.Map(sites);
        ActivateReleaseHandler.Map(sites);
        AuditSiteHandler.Map(sites);
        ServeSite.Map(routes);
    }

    /// <summary>Runs <c>Host assets …</c>, which needs neither database nor store, and returns its exit code.</summary>
    /// <param name="arguments">Those behind <c>assets</c>.</param>
    /// <exception cref="StartupException">There is no such command, or a setting is missing.</exception>
    public static Task<int> RunAssetsVerbAsync(IReadOnlyList<string> arguments, IConfiguration configuration, CancellationToken stopped) =>
        SyncVerb.RunAsync([.. arguments], configuration, stopped);

    internal static void MapEvents(EventTypes types) => types
        .Map<SiteRegistered>("site_registered")
        .Map<SyncStarted>("sync_started")
        .Map<SyncCompleted>("sync_completed")
        .Map<ReleaseActivated>("release_activated")
        .Map<PublicationStarted>("publication_started")
        .Map<EnvironmentConfigured>("environment_configured")
        .Map<CdnHostsAllowed>("cdn_hosts_allowed")
        .Map<ReleasesDiscarded>("releases_discarded")
        .Map<SyncReported>("sync_reported")
        .Map<AlertRaised>("alert_raised")
        .Map<PathsPurged>("paths_purged");
}
