using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Platform.Events;

/// <param name="Work">Whether this process runs subscriptions.</param>
internal sealed record EventOptions(bool Work);

public static class EventsWiring
{
    // Every statement of the product, so that each is parsed and planned once per connection.
    private const int MaxPreparedStatements = 200;

    // An open transaction hides the log's end from all subscriptions and may hold the lock under which jobs are handed out. So Postgres
    // ends the sessions of a machine that vanished after four seconds, and of a process that pauses within a transaction after ten.
    private const string SessionLimits =
        "-c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=2 -c idle_in_transaction_session_timeout=10s";

    /// <summary>Adds the event store, and the <see cref="NpgsqlDataSource"/> that everything shares. Tables are created and migrated at start.</summary>
    /// <param name="work">Whether this process runs subscriptions, or only reads and appends.</param>
    /// <exception cref="StartupException">The connection string is missing or malformed.</exception>
    public static IServiceCollection AddEvents(this IServiceCollection services, string? connectionString, bool work)
    {
        var settings = Settings(connectionString);
        services.AddSingleton(_ => NpgsqlDataSource.Create(settings));
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(new EventOptions(work));
        services.AddSingleton<EventStore>();
        services.AddSingleton(provider =>
        {
            var types = new EventTypes();
            foreach (var map in provider.GetServices<Action<EventTypes>>())
            {
                map(types);
            }

            return types;
        });
        services.AddSingleton<LogReader>();
        services.AddSingleton(provider => new Subscriptions(
            provider.GetRequiredService<NpgsqlDataSource>(),
            provider.GetRequiredService<EventStore>(),
            provider.GetRequiredService<LogReader>(),
            provider.GetServices<ISubscription>()));
        services.AddSingleton<StreamInspector>();
        services.AddHostedService<EventSchema>();
        services.AddHostedService<LogListener>();
        return services;
    }

    /// <summary>Adds a module's stored event names: <c>services.AddEventTypes(types => types.Map&lt;FileZipped>("file_zipped"))</c>.</summary>
    public static IServiceCollection AddEventTypes(this IServiceCollection services, Action<EventTypes> map) => services.AddSingleton(map);

    /// <summary>Lets admins see the state of such streams at any version.</summary>
    public static IServiceCollection AddInspectedState<TState, TEvent>(this IServiceCollection services)
        where TState : IState<TState, TEvent>
        where TEvent : notnull =>
        services.AddSingleton<InspectedState>(new InspectedState.Of<TState, TEvent>());

    /// <summary>Adds a reader of the log. Workers run it, one of them at a time.</summary>
    public static IServiceCollection AddSubscription<TSubscription>(this IServiceCollection services)
        where TSubscription : class, ISubscription
    {
        services.AddSingleton<TSubscription>();
        services.AddSingleton<ISubscription>(provider => provider.GetRequiredService<TSubscription>());
        return services.AddSingleton<IHostedService>(provider =>
            ActivatorUtilities.CreateInstance<SubscriptionWorker>(provider, provider.GetRequiredService<TSubscription>()));
    }

    private static string Settings(string? connectionString)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            throw new StartupException("ConnectionStrings__Postgres is not set: give it as `Host=…;Database=…;Username=…;Password=…`.");
        }

        try
        {
            var settings = new NpgsqlConnectionStringBuilder(connectionString)
            {
                MaxAutoPrepare = MaxPreparedStatements,
                AutoPrepareMinUsages = 2,

                // Else seven statements go before the first of each command. Nobody leaves anything in a session: what is set is set for its
                // transaction, and who takes a lock gives it back.
                NoResetOnClose = true,
            };
            settings.Options = $"{SessionLimits} {settings.Options}".TrimEnd();
            return settings.ConnectionString;
        }
        catch (ArgumentException e)
        {
            throw new StartupException($"ConnectionStrings__Postgres cannot be read: {e.Message}", e);
        }
    }
}
