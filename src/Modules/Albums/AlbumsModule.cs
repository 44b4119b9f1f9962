using System.Buffers;
using Albums.Contracts;
using Albums.Sources;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform;
using Platform.Accounts;
using Platform.Costs;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;
using Platform.Webhooks;

namespace Albums;

/// <summary>One ZIP of all files of a wedding: requested, packed in the store, sent as a link, downloaded.</summary>
public static class AlbumsModule
{
    /// <summary>
    /// Settings <c>PublicUrl</c>: where readers of a mail find this product, <c>http://127.0.0.1:5080</c> by default; <c>Albums__Download</c>:
    /// <c>Stream</c> (default) or <c>Redirect</c>.
    /// </summary>
    /// <param name="work">Whether this process runs jobs, lets albums expire, and tells admins of failures.</param>
    public static IServiceCollection AddAlbums(this IServiceCollection services, IConfiguration configuration, bool work)
    {
        services.AddAlbums(configuration);
        return work ? services.AddHostedService<ExpireAlbums>().AddHostedService<ReportFailures>() : services;
    }

    private static IServiceCollection AddAlbums(this IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton(AlbumOptions.Read(configuration))
        .AddSingleton(ExpiryOptions.Read(configuration))
        .AddEventTypes(MapEvents)
        .AddInspectedState<Album, IAlbumEvent>()
        .AddErrorCodes(
            ("INVALID_EMAIL", 400),
            ("INVALID_FILE", 400),
            ("INVALID_VOLUME_SIZE", 400),
            ("ALBUM_NOT_FOUND", 404),
            ("BULK_ACTION_NOT_FOUND", 404),
            ("FILE_NOT_FOUND", 404),
            ("VOLUME_NOT_FOUND", 404),
            ("ALBUM_CANCELLED", 409),
            ("ALBUM_COMPLETED", 409),
            ("ALBUM_EMPTY", 409),
            ("ALBUM_NOT_READY", 409),
            ("FILE_PACKED", 409),
            ("TOO_MANY_FILES", 409),
            ("ALBUM_GONE", 410))
        .AddKeyOwner(AlbumContents.OwnFolder, AlbumContents.OwnerOf)
        .AddSingleton<IStoredBytes, StoredAlbums>()
        .AddSubscription<AlbumsProjection>()
        .AddSubscription<AlbumReactions>()
        .AddOutboundHttp(configuration)
        .AddSingleton(UrlOptions.Read(configuration))
        .AddSingleton<UrlSource>()
        .AddSingleton<AlbumContents>()
        .AddSingleton<PlanAlbumHandler>()
        .AddSingleton<EarlierZips>()
        .AddSingleton<VirtualZips>()
        .AddSingleton<DownloadAlbum>()
        .AddSingleton<SearchAlbums>()
        .AddSingleton<OverviewAlbums>()
        .AddSingleton<BulkActions>()
        .AddJob<RunBulkAction, RunBulkActionHandler>("run_bulk_action")
        .AddSingleton<AlbumFiles>()
        .AddSingleton<SkipFileHandler>()
        .AddSingleton<IAlbums, AlbumsFacade>()

        // Buffers of parts outlive their album, or each album would leave its own to the garbage collector. The shared pool keeps one
        // for every thread that ever gave one back; this one keeps what albums at work have needed at a time.
        .AddSingleton(ArrayPool<byte>.Create(maxArrayLength: 64 << 20, maxArraysPerBucket: 16))
        .AddJob<ZipAlbum, ZipAlbumHandler>("zip_album", JobLane.Heavy)
        .AddSingleton<AlbumMail>()
        .AddJob<SendAlbumLink, SendAlbumLinkHandler>("send_album_link")
        .AddJob<SendFailureReport, SendFailureReportHandler>("send_failure_report")
        .AddJob<SendExpiryReminder, SendExpiryReminderHandler>("send_expiry_reminder")
        .AddSingleton<AlbumProgressQueue>()
        .AddSingleton<AlbumBatch>()
        .AddJob<SendAlbumWebhook, SendAlbumWebhookHandler>("send_album_webhook", JobLane.Outbound, WebhookSender.Retry)
        .AddJob<SendAlbumProgress, SendAlbumProgressHandler>("send_album_progress", JobLane.Outbound)
        .AddSingleton<DiscardAlbumHandler>()
        .AddJob<DiscardAlbum, DiscardAlbumHandler>("discard_album", retry: DiscardAlbumHandler.Retry);

    public static void MapAlbums(this IEndpointRouteBuilder routes)
    {
        var albums = routes.MapGroup("/v1/albums").WithTags("Albums").RequireScope(Scopes.Albums)
            .AddEndpointFilter<RouteGroupBuilder, AlbumDoor>().RefuseMalformedIds("id", "ALBUM_NOT_FOUND");
        RequestAlbumHandler.Map(albums);
        GetAlbum.Map(albums);
        ListAlbums.Map(albums);
        AlbumProgress.Map(albums);
        BulkEndpoints.Map(albums);
        AlbumLog.Map(albums);
        AlbumWebhooks.Map(albums);
        ReplayAlbumHandler.Map(albums);
        SkipFileHandler.Map(albums);
        CancelAlbumHandler.Map(albums);
        DeleteAlbumHandler.Map(albums);
        AlbumLinks.Map(albums);
        ResendAlbumLinkHandler.Map(albums);
        DownloadAlbum.Map(albums);
        ProcessWeddingHandler.Map(routes);
    }

    /// <summary>What <c>Host albums</c> can do.</summary>
    public static string VerbUsage => AlbumBatch.Usage;

    /// <summary>Runs <c>Host albums …</c> and returns its exit code.</summary>
    /// <param name="arguments">Those behind <c>albums</c>.</param>
    /// <param name="stopped">Somebody wants this process to end.</param>
    /// <exception cref="StartupException">There is no such command.</exception>
    public static Task<int> RunAlbumsVerbAsync(this IServiceProvider services, IReadOnlyList<string> arguments, CancellationToken stopped) =>
        services.GetRequiredService<AlbumBatch>().RunAsync(arguments, stopped);

    internal static void MapEvents(EventTypes types) => types
        .Map<AlbumOrdered>("album_ordered")
        .Map<AlbumRequested>("album_requested")
        .Map<AttemptStarted>("attempt_started")
        .Map<AttemptYielded>("attempt_yielded")
        .Map<FileSkipRequested>("file_skip_requested")
        .Map<FileSkipped>("file_skipped")
        .Map<PlanFrozen>("plan_frozen")
        .Map<MultipartBegun>("multipart_begun")
        .Map<PartStored>("part_stored")
        .Map<PartInvalidated>("part_invalidated")
        .Map<FileZipped>("file_zipped")
        .Map<VolumeCompleted>("volume_completed")
        .Map<Replanned>("replanned")
        .Map<AlbumCompleted>("album_completed")
        .Map<LinkSent>("link_sent")
        .Map<AlbumFailed>("album_failed")
        .Map<AlbumReplayed>("album_replayed")
        .Map<ReplayEnded>("replay_ended")
        .Map<AlbumCancelled>("album_cancelled")
        .Map<AlbumDeleted>("album_deleted")
        .Map<ExpiryAnnounced>("expiry_announced")
        .Map<ReminderSent>("reminder_sent")
        .Map<AlbumExpired>("album_expired")
        .Map<WorkMetered>("work_metered")
        .Map<MailFailed>("mail_failed")
        .Map<LinkRequested>("link_requested")
        .Map<AdminsTold>("admins_told")
        .Map<DownloadLinkIssued>("download_link_issued")
        .Map<DownloadLinksRevoked>("download_links_revoked")
        .Map<DownloadBroken>("download_broken")
        .Map<BulkRequested>("bulk_requested")
        .Map<BulkProgressed>("bulk_progressed")
        .Map<BulkAborted>("bulk_aborted")
        .Map<BulkCompleted>("bulk_completed")
        .Map<FailuresReported>("failures_reported");
}

/// <summary>Who packs albums.</summary>
internal enum AlbumRun
{
    /// <summary>Jobs of the workers.</summary>
    Workers,

    /// <summary>Processes that somebody else starts, such as AWS Batch or Kubernetes: <c>Host albums zip</c>.</summary>
    Batch,
}

/// <param name="Url">Ends with a slash, so that paths can be added.</param>
/// <param name="RedirectsDownloads">Of complete albums, to the store, where it can make links.</param>
internal sealed record AlbumOptions(Uri Url, bool RedirectsDownloads = false, AlbumRun Run = AlbumRun.Workers)
{
    /// <summary>For callers of the API, who show a credential.</summary>
    internal string DownloadUrlOf(Guid albumId) => new Uri(Url, $"v1/albums/{albumId}/download").ToString();

    /// <summary>For everybody who has it.</summary>
    internal string DownloadUrlOf(Guid albumId, string token) => $"{DownloadUrlOf(albumId)}/{token}";

    internal static AlbumOptions Read(IConfiguration configuration)
    {
        var redirects = (configuration["Albums:Download"] ?? "").ToUpperInvariant() switch
        {
            "" or "STREAM" => false,
            "REDIRECT" => true,
            _ => throw new StartupException($"Albums__Download is {configuration["Albums:Download"]}, but must be Stream or Redirect."),
        };
        var run = (configuration["Albums:Run"] ?? "").ToUpperInvariant() switch
        {
            "" or "WORKERS" => AlbumRun.Workers,
            "BATCH" => AlbumRun.Batch,
            _ => throw new StartupException($"Albums__Run is {configuration["Albums:Run"]}, but must be Workers or Batch."),
        };
        return new AlbumOptions(PublicUrl.Read(configuration).Url, redirects, run);
    }
}
