using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform.Events;
using Uploads.Contracts;

namespace Uploads;

/// <summary>Takes files in chunks, in any order and several at a time, and never loses one it acknowledged.</summary>
public static class UploadsModule
{
    /// <param name="work">Whether this process sweeps up what clients left behind.</param>
    public static IServiceCollection AddUploads(this IServiceCollection services, IConfiguration configuration, bool work)
    {
        services.AddEventTypes(MapEvents);
        services.AddSingleton(_ => UploadOptions.Read(configuration));
        services.AddSingleton<UploadsAtWork>();
        services.AddSingleton<ReceivePartHandler>();
        services.AddSingleton<CompleteUploadHandler>();
        services.AddSubscription<UploadsProjection>();
        return work ? services.AddHostedService<ExpireUploads>() : services;
    }

    /// <summary>Maps <c>/v1/uploads</c>, and stops a start with wrong settings.</summary>
    public static RouteGroupBuilder MapUploads(this IEndpointRouteBuilder endpoints)
    {
        endpoints.ServiceProvider.GetRequiredService<UploadOptions>();
        var uploads = endpoints.MapGroup("/v1/uploads").WithTags("Uploads");
        InitiateUploadHandler.Map(uploads);
        ReceivePartHandler.Map(uploads);
        CompleteUploadHandler.Map(uploads);
        AbortUploadHandler.Map(uploads);
        GetUploadHandler.Map(uploads);
        ListUploadsHandler.Map(uploads);
        return uploads;
    }

    internal static void MapEvents(EventTypes types) => types
        .Map<UploadInitiated>("upload_initiated")
        .Map<ChunkStored>("chunk_stored")
        .Map<CompletionStarted>("completion_started")
        .Map<ChunksInvalidated>("chunks_invalidated")
        .Map<UploadCompleted>("upload_completed")
        .Map<UploadAborted>("upload_aborted")
        .Map<UploadExpired>("upload_expired")
        .Map<UploadLost>("upload_lost")
        .Map<PartsDiscarded>("parts_discarded");
}
