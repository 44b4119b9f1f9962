using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Npgsql;
using Platform;

namespace Host;

/// <summary>Says in one sentence why the host did not start. What it cannot explain is a bug and keeps its stack trace.</summary>
internal static class FailedStart
{
    internal static StartupException? Explain(Exception error) => error switch
    {
        StartupException explained => explained,
        AggregateException { InnerExceptions: [var only] } => Explain(only),
        PostgresException { SqlState: PostgresErrorCodes.UndefinedTable } =>
            Missing("The database in ConnectionStrings__Postgres has no tables yet: `Host serve` makes them."),
        NpgsqlException => Missing($"Postgres failed: {error.Message} (setting ConnectionStrings__Postgres)."),
        IOException { InnerException: AddressInUseException } =>
            Missing($"{error.Message.TrimEnd('.')}: end what listens there, or set ASPNETCORE_URLS to another."),
        SocketException { SocketErrorCode: SocketError.AccessDenied or SocketError.AddressNotAvailable } =>
            Missing($"The address in ASPNETCORE_URLS cannot be listened on: {error.Message}."),
        FormatException { Source: "Microsoft.AspNetCore.Http" }
            or InvalidOperationException { Source: "Microsoft.AspNetCore.Server.Kestrel.Core" } =>
            new($"ASPNETCORE_URLS cannot be used: {error.Message.Split('\n')[0].TrimEnd('.')}."),
        _ => null,
    };

    private static StartupException Missing(string message) => new(message) { ExitCode = 3 };

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
