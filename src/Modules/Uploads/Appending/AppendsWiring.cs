using Microsoft.Extensions.DependencyInjection;

namespace Uploads;

internal static class AppendsWiring
{
    /// <summary>The engine below the protocols whose files come from the first byte to the last.</summary>
    public static IServiceCollection AddAppends(this IServiceCollection services) => services
        .AddSingleton<AppendsAtWork>()
        .AddSingleton<PartBuffers>()
        .AddSingleton<TailStore>()
        .AddSingleton<ReprDigests>()
        .AddSingleton<AppendServices>()
        .AddSingleton<CreateUploadHandler>()
        .AddSingleton<AppendToUploadHandler>()
        .AddSingleton<RetrieveOffsetHandler>()
        .AddSingleton<TerminateUploadHandler>()
        .AddSingleton<ConcatenateUploadsHandler>()
        .AddSingleton<TusUploads>()
        .AddSingleton<ResumableUploads>();
}
