using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Platform.Costs;

namespace Platform.Storage;

public static class StorageWiring
{
    /// <summary>Adds <see cref="IObjectStorage"/> as the section <c>Storage</c> says, metered, and a check at start that it works.</summary>
    public static IServiceCollection AddStorage(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddUsageLedger();

        // Read when first asked for: a test host adds its settings after this call.
        services.AddSingleton(_ => StorageOptions.Read(configuration));
        services.AddSingleton(provider => new WorkMeter(provider.GetRequiredService<IMeterFactory>(), provider.GetRequiredService<IStore>()));
        services.AddSingleton<IStore>(provider => Open(provider.GetRequiredService<StorageOptions>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IObjectStorage>(provider =>
            new MeteredObjectStorage(provider.GetRequiredService<IStore>(), provider.GetRequiredService<WorkMeter>(), provider.GetRequiredService<UsageLedger>()));
        services.AddSingleton(provider => new StorageCheck(provider.GetRequiredService<IStore>()));
        services.AddHostedService(provider => provider.GetRequiredService<StorageCheck>());
        return services.AddHostedService(provider => new StorageUpkeep(provider.GetRequiredService<IStore>()));
    }

    private static IStore Open(StorageOptions options, TimeProvider clock)
    {
        if (options.Folder is not { } folder)
        {
            return new S3ObjectStorage(options.S3, clock);
        }

        try
        {
            return new FolderObjectStorage(folder, clock);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw FolderObjectStorage.NotWritable(folder, e);
        }
    }
}

/// <summary>Whether the store works: asked at start, and by whoever wants to know.</summary>
public sealed class StorageCheck : IHostedService
{
    private readonly IStore store;

    internal StorageCheck(IStore store) => this.store = store;

    /// <exception cref="StartupException">It does not; the message says which setting to look at.</exception>
    public Task CheckAsync(CancellationToken cancellationToken) => store.CheckAsync(cancellationToken);

    public Task StartAsync(CancellationToken cancellationToken) => CheckAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

internal sealed class StorageUpkeep(IStore store) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => store.RunAsync(stoppingToken);
}
