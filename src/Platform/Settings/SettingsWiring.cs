using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Platform.Events;

namespace Platform.Settings;

public static class SettingsWiring
{
    /// <summary>Adds <see cref="LiveSettings{TSettings}"/>, up to date from the start.</summary>
    /// <param name="defaults">What holds until somebody changes it.</param>
    public static IServiceCollection AddSettings<TSettings>(this IServiceCollection services, Func<TSettings> defaults)
        where TSettings : class, ISettings
    {
        Action<EventTypes> map = MapEvents;
        if (!services.Any(service => Equals(service.ImplementationInstance, map)))
        {
            services.AddEventTypes(map);
        }

        services.AddSingleton(provider => new LiveSettings<TSettings>(
            defaults(),
            provider.GetRequiredService<EventStore>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<LiveSettings<TSettings>>>()));
        services.AddSingleton<EditableSettings>(provider => new EditableSettings<TSettings>(provider.GetRequiredService<LiveSettings<TSettings>>()));
        return services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<LiveSettings<TSettings>>());
    }

    private static void MapEvents(EventTypes types) => types.Map<SettingsChanged>("settings_changed");
}
