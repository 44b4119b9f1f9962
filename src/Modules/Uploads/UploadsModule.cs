using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform.Accounts;
using Platform.Costs;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;
using Platform.Settings;
using Platform.Webhooks;
using Uploads.Contracts;

namespace Uploads;

/// <summary>Takes files in chunks, in any order and several at a time, and never loses one it acknowledged.</summary>
public static class UploadsModule
{
    /// <param name="work">Whether this process sweeps up what clients left behind.</param>
    public static IServiceCollection AddUploads(this IServiceCollection services, IConfiguration configuration, bool work)
    {
        services.AddEventTypes(MapEvents);
        services.AddInspectedState<Upload, IUploadEvent>();
        AddErrorCodes(services);
        services.AddSingleton(_ => UploadOptions.Read(configuration));
        services.AddSettings(() => UploadSettings.Read(configuration));
        services.AddSingleton<ThisNode>();
        services.AddSingleton<UploadsAtWork>();
        services.AddSingleton<Quotas>();
        services.AddSingleton<MediaReader>();
        services.AddSingleton<InitiateUploadHandler>();
        services.AddSingleton<ReceivePartHandler>();
        services.AddSingleton<CompleteUploadHandler>();
        services.AddSingleton<VerifyUploadHandler>();
        services.AddSingleton<DirectUploads>();
        services.AddSingleton<OwnLinks>();
        services.AddAppends();
        foreach (var prefix in KeyLayout.Prefixes)
        {
            services.AddKeyOwner(prefix, _ => new UsageAccount("uploads"));
        }

        services.AddSingleton<IStoredBytes, StoredUploads>();
        services.AddSingleton<IUploads, SearchUploads>();
        services.AddSubscription<UploadsProjection>();
        return work ? services.AddHostedService<ExpireUploads>().AddHostedService<DiscardOrphans>() : services;
    }

    /// <summary>
    /// Reads what clients sent past this product, and tells the receiver in <c>Uploads__WebhookUrl</c> of every upload that completes. Needs
    /// jobs and webhooks.
    /// </summary>
    public static IServiceCollection AddUploadJobs(this IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton(provider => UploadWebhookOptions.Read(configuration, provider.GetRequiredService<WebhookSender>()))
        .AddSubscription<UploadReactions>()
        .AddJob<VerifyUpload, VerifyUploadHandler>("verify_upload", JobLane.Heavy)
        .AddJob<SendUploadWebhook, SendUploadWebhookHandler>("send_upload_webhook", JobLane.Outbound, WebhookSender.Retry);

    /// <summary>Maps <c>/v1/uploads</c>, and stops a start with wrong settings.</summary>
    public static RouteGroupBuilder MapUploads(this IEndpointRouteBuilder endpoints)
    {
        endpoints.ServiceProvider.GetRequiredService<UploadOptions>();
        var uploads = endpoints.MapGroup("/v1/uploads").WithTags("Uploads").RequireScope(Scopes.Uploads).AddEndpointFilter<RouteGroupBuilder, UploadDoor>();
        InitiateUploadHandler.Map(uploads);
        ReceivePartHandler.Map(uploads);
        CompleteUploadHandler.Map(uploads);
        AbortUploadHandler.Map(uploads);
        WithdrawUploadHandler.Map(uploads);
        GetUploadHandler.Map(uploads);
        ListUploadsHandler.Map(uploads);
        uploads.MapSettings<UploadSettings>("/settings");
        if (endpoints.ServiceProvider.GetService<UploadWebhookOptions>() is not null)
        {
            UploadWebhooks.Map(uploads);
        }

        DirectEndpoints.Map(endpoints);
        TusEndpoints.Map(endpoints);
        ResumableEndpoints.Map(endpoints);
        return uploads;
    }

    private static void AddErrorCodes(IServiceCollection services) => services.AddErrorCodes(
        ("CHECKSUM_MISMATCH", 400),
        ("CHUNK_SIZE_MISMATCH", 400),
        ("INCONSISTENT_UPLOAD_LENGTH", 400),
        ("INVALID_CHECKSUM", 400),
        ("INVALID_CHUNK_INDEX", 400),
        ("INVALID_CHUNK_SIZE", 400),
        ("INVALID_CONCATENATION", 400),
        ("INVALID_FILE_NAME", 400),
        ("INVALID_GUEST_NAME", 400),
        ("INVALID_SIZE", 400),
        ("INVALID_UPLOAD_HEADER", 400),
        ("INVALID_UPLOAD_METADATA", 400),
        ("INVALID_USER_ID", 400),
        ("INVALID_USER_ROLE", 400),
        ("INVALID_WEDDING_ID", 400),
        ("INVALID_WITHDRAW_TOKEN", 400),
        ("REPR_DIGEST_MISMATCH", 400),
        ("UPLOAD_ID_MISMATCH", 400),
        ("QUOTA_EXCEEDED", 403),
        ("FINAL_UPLOAD", 403),
        ("WITHDRAWAL_REFUSED", 403),
        ("UPLOAD_NOT_FOUND", 404),
        ("APPEND_SUPERSEDED", 409),
        ("CHUNK_IN_PROGRESS", 409),
        ("COMPLETE_IN_PROGRESS", 409),
        ("ETAG_MISMATCH", 409),
        ("MISSING_PARTS", 409),
        ("UPLOAD_ABORTED", 409),
        ("UPLOAD_COMPLETED", 409),
        ("UPLOAD_OFFSET_MISMATCH", 409),
        ("UPLOAD_EXPIRED", 410),
        ("UPLOAD_GONE", 410),
        ("UPLOAD_LOST", 410),
        ("UPLOAD_WITHDRAWN", 410),
        ("CHUNK_TOO_LARGE", 413),
        ("FILE_TOO_LARGE", 413),
        ("TUS_VERSION_UNSUPPORTED", 412),
        ("UPLOAD_TOO_LONG", 413),
        ("CONTENT_TYPE_MISMATCH", 415),
        ("UNSUPPORTED_CONTENT_TYPE", 415),
        ("IDEMPOTENCY_KEY_REUSED", 422),
        ("TOO_MANY_UPLOADS", 429),
        ("UPLOAD_CHECKSUM_MISMATCH", 460));

    internal static void MapEvents(EventTypes types) => types
        .Map<UploadOrdered>("upload_ordered")
        .Map<UploadInitiated>("upload_initiated")
        .Map<ChunkStored>("chunk_stored", isSignalled: false)
        .Map<PartsFound>("parts_found")
        .Map<CompletionStarted>("completion_started")
        .Map<UploadStored>("upload_stored")
        .Map<ChunksInvalidated>("chunks_invalidated")
        .Map<UploadCompleted>("upload_completed")
        .Map<UploadAborted>("upload_aborted")
        .Map<UploadExpired>("upload_expired")
        .Map<UploadLost>("upload_lost")
        .Map<UploadWithdrawn>("upload_withdrawn")
        .Map<PartsDiscarded>("parts_discarded")
        .Map<AppendTakenOver>("append_taken_over", isSignalled: false)
        .Map<TailKept>("tail_kept", isSignalled: false)
        .Map<LengthDeclared>("length_declared")
        .Map<UploadsConcatenated>("uploads_concatenated")
        .Map<PartialCompleted>("partial_completed")
        .Map<ExpirySet>("expiry_set")
        .Map<AddressClosed>("address_closed");
}
