using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Npgsql;
using Platform;

namespace Host;

/// <summary>Says in one sentence why the host did not start. What it cannot explain is a bug and keeps its stack trace.</summary>
internal static class FailedStart
{
    private const int WrongSetting = 2;
    private const int MissingDependency = 3;

    internal static StartupException? Explain(Exception error) => error switch
    {
        StartupException explained => explained,
        AggregateException { InnerExceptions: [var only] } => Explain(only),
        PostgresException { SqlState: PostgresErrorCodes.UndefinedTable } =>
            new("The database in ConnectionStrings__Postgres has no tables yet: `Host serve` makes them.", error) { ExitCode = MissingDependency },
        NpgsqlException => new($"Postgres failed: {error.Message} (setting ConnectionStrings__Postgres).", error) { ExitCode = MissingDependency },
        IOException { InnerException: AddressInUseException } =>
            new($"{error.Message.TrimEnd('.')}: end what listens there, or set ASPNETCORE_URLS to another.", error) { ExitCode = MissingDependency },
        SocketException { SocketErrorCode: SocketError.AccessDenied or SocketError.AddressNotAvailable } =>
            new($"The address in ASPNETCORE_URLS cannot be listened on: {error.Message}.", error) { ExitCode = MissingDependency },
        FormatException { Source: "Microsoft.AspNetCore.Http" } or InvalidOperationException { Source: "Microsoft.AspNetCore.Server.Kestrel.Core" } =>
            new($"ASPNETCORE_URLS cannot be used: {error.Message.Split('\n')[0].TrimEnd('.')}.", error) { ExitCode = WrongSetting },
        _ => null,
    };

    /// <summary>
    /// The framework logs a failed start with stack traces before the exception reaches <see cref="Explain"/>; until the host runs,
    /// these two loggers keep still.
    /// </summary>
    internal static void QuietFailedStarts(this ILoggingBuilder logging, IServiceCollection services)
    {
        var started = new StartedFlag();
        services.AddSingleton(started).AddHostedService(provider => provider.GetRequiredService<StartedFlag>());
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => started.IsSet && level >= LogLevel.Warning);
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", level => started.IsSet && level >= LogLevel.Warning);
    }

    private sealed class StartedFlag : IHostedLifecycleService
    {
        internal bool IsSet { get; private set; }

        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken)
        {
            IsSet = true;
            return Task.CompletedTask;
        }

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
