using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Npgsql;
using Platform.Events;
using Quartz;

namespace Platform.Jobs;

/// <param name="Concurrency">Heavy jobs at a time in this process.</param>
/// <param name="Work">Whether this process runs jobs, or only queues them.</param>
internal sealed record JobOptions(int Concurrency, bool Work);

public static class JobsWiring
{
    // Places that heavy jobs never take: mail does not wait behind albums, however few run at a time.
    private const int PlacesForLightJobs = 2;

    // They do nothing but wait: a few slow receivers do not hold up the others.
    private const int PlacesForOutboundJobs = 8;

    /// <summary>
    /// Adds <see cref="JobQueue"/> on the registered <see cref="NpgsqlDataSource"/>, and runs jobs where this process is a worker. Settings
    /// <c>Jobs__Concurrency</c>: heavy jobs at a time in this process; <c>Jobs__Turn</c>: how long one may keep others waiting.
    /// </summary>
    public static IServiceCollection AddJobs(this IServiceCollection services, IConfiguration configuration, bool work)
    {
        // Heavy jobs are few and coarse. Four keep a small machine busy.
        var setting = configuration["Jobs:Concurrency"] ?? "4";
        if (!int.TryParse(setting, CultureInfo.InvariantCulture, out var concurrency) || concurrency is < 1 or > 64)
        {
            throw new StartupException($"Jobs__Concurrency is {setting}, but must be a number between 1 and 64.");
        }

        // Long against what taking a job up again costs (under a second), short for somebody who waits for a small one.
        var turnSetting = configuration["Jobs:Turn"] ?? "00:00:20";
        if (!TimeSpan.TryParse(turnSetting, CultureInfo.InvariantCulture, out var turn) || turn < TimeSpan.Zero)
        {
            throw new StartupException($"Jobs__Turn is {turnSetting}, but must be a time such as 00:00:20.");
        }

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(new JobOptions(concurrency, work));
        services.AddSingleton<JobKinds>();
        services.AddSingleton<JobNode>();
        services.AddHostedService(provider => provider.GetRequiredService<JobNode>());
        services.AddSingleton(provider => new JobQueue(
            provider.GetRequiredService<JobNode>(),
            provider.GetRequiredService<JobKinds>(),
            provider.GetRequiredService<NpgsqlDataSource>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new JobTurns(
            provider.GetRequiredService<JobQueue>().HeavyJobsWaitAsync, turn, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<JobNodes>();
        services.AddJob<RebuildProjection, RebuildProjectionHandler>("rebuild_projection");
        return services.AddQuartz(quartz => Configure(quartz, concurrency));
    }

    /// <summary>Registers the handler of a command under its stored name, which outlives every renaming of the types.</summary>
    /// <param name="lane"><see cref="JobLane.Heavy"/> for what may take longer than somebody waits for a mail.</param>
    public static IServiceCollection AddJob<TCommand, THandler>(
        this IServiceCollection services, string name, JobLane lane = JobLane.Light, JobRetry? retry = null)
        where TCommand : notnull
        where THandler : class, IJob<TCommand>
    {
        services.AddSingleton<JobKind>(new JobKind.Of<TCommand>(name, lane, retry ?? JobRetry.Default));
        return services.AddScoped<IJob<TCommand>, THandler>();
    }

    private static void Configure(IQuartzBuilder quartz, int concurrency)
    {
        quartz.AddJobType<CommandJob>();
        quartz.UseDefaultThreadPool(concurrency + PlacesForLightJobs + PlacesForOutboundJobs);
        quartz.UseExecutionLimits(limits => limits
            .ForGroup(QueuedCommand.HeavyJobs, concurrency)
            .ForGroup(QueuedCommand.OutboundJobs, PlacesForOutboundJobs));

        // For failures outside a handler, which no module can record: see CommandJob.
        quartz.UseDefaultRetryPolicy(RetryPolicy.Exponential(int.MaxValue, TimeSpan.FromSeconds(1), 2, TimeSpan.FromMinutes(1)));
        quartz.ConfigureScheduler(scheduler =>
        {
            scheduler.InstanceName = "jobs";
            scheduler.GenerateInstanceId = true;

            // Commits of other nodes give no signal: this is how long a queued job waits at most. One second is the least Quartz allows.
            scheduler.IdleWaitTime = TimeSpan.FromSeconds(1);
            scheduler.ShutdownJobInterruption = ShutdownJobInterruption.Always;

            // CommandJob makes the job part of the caller's trace instead.
            scheduler.PropagateTraceContext = false;
        });
        quartz.UsePersistentStore(store =>
        {
            store.UsePostgres(source => source.DataSourceFactory = provider => provider.GetRequiredService<NpgsqlDataSource>());
            store.UseSystemTextJsonSerializer();
            store.ProvisionSchema();
            store.UseClustering(cluster =>
            {
                // A node is declared dead two seconds after its last sign of life, and its jobs go on elsewhere.
                cluster.CheckinInterval = TimeSpan.FromSeconds(1);
                cluster.CheckinMisfireThreshold = TimeSpan.FromSeconds(1);
            });
            store.ConfigureStore(options =>
            {
                // The schema is in the name rather than in a search path, because enlisted transactions bring their own connection.
                options.TablePrefix = "quartz.qrtz_";
                options.StoreJobDataAsStrings = true;
                options.AcceptEnlistedTransactions = true;
                options.RecoverFiringsCancelledByShutdown = true;
                options.UseBackgroundThreads = true;

                // A node that lost the database for a while is back a second after it, not fifteen.
                options.DbRetryInterval = TimeSpan.FromSeconds(1);

                // Later than this counts as a misfire, which Quartz handles slowly, 18 a second. A backlog is no misfire.
                options.MisfireThreshold = TimeSpan.FromHours(12);
            });
        });
    }
}
