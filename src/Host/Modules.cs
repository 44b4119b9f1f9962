using Albums;
using Assets;
using Gallery;
using Portal;
using Uploads;
using Weddings;

namespace Host;

/// <summary>The modules of the product, and the portal in front of them.</summary>
internal static class Modules
{
    internal static IServiceCollection AddModules(this IServiceCollection services, IConfiguration configuration, Roles roles) => services
        .AddWeddings(configuration)
        .AddUploads(configuration, roles.Worker)
        .AddUploadJobs(configuration)
        .AddAlbums(configuration, roles.Worker)
        .AddAssets(configuration, roles.Worker)
        .AddGallery()
        .AddPortal();

    internal static void MapModules(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapWeddings();
        endpoints.MapUploads();
        endpoints.MapAlbums();
        endpoints.MapAssets();
        endpoints.MapPortal();
    }
}
