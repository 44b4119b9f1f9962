using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;

namespace Platform.Jobs;

/// <summary>Which places a job may take.</summary>
public enum JobLane
{
    /// <summary>Never waits behind heavy jobs.</summary>
    Light,

    /// <summary>Takes minutes or hours. The settings limit how many run at a time, and they take turns (<see cref="JobTurns"/>).</summary>
    Heavy,

    /// <summary>Waits for servers of others, which may keep it waiting: nothing else waits with it.</summary>
    Outbound,
}

/// <summary>A command that workers run, by its stored name.</summary>
internal abstract record JobKind(string Name, Type CommandType, JobLane Lane, JobRetry Retry)
{
    private static readonly JsonSerializerOptions Json = new() { Converters = { new JsonStringEnumConverter() } };

    internal static string Write<TCommand>(TCommand command) => JsonSerializer.Serialize(command, Json);

    internal abstract Task RunAsync(IServiceProvider services, string command, CancellationToken cancellationToken);

    internal abstract Task GaveUpAsync(IServiceProvider services, string command, Exception error, CancellationToken cancellationToken);

    internal sealed record Of<TCommand>(string Name, JobLane Lane, JobRetry Retry) : JobKind(Name, typeof(TCommand), Lane, Retry)
        where TCommand : notnull
    {
        internal override Task RunAsync(IServiceProvider services, string command, CancellationToken cancellationToken) =>
            services.GetRequiredService<IJob<TCommand>>().RunAsync(Read(command), cancellationToken);

        internal override Task GaveUpAsync(
            IServiceProvider services, string command, Exception error, CancellationToken cancellationToken) =>
            services.GetRequiredService<IJob<TCommand>>().GaveUpAsync(Read(command), error, cancellationToken);

        private static TCommand Read(string command) =>
            JsonSerializer.Deserialize<TCommand>(command, Json) ?? throw new JsonException("A queued command is null.");
    }
}

/// <summary>All commands of this build that can be queued.</summary>
internal sealed class JobKinds(IEnumerable<JobKind> kinds)
{
    private readonly Dictionary<string, JobKind> byName = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
    private readonly Dictionary<Type, JobKind> byCommand = kinds.ToDictionary(kind => kind.CommandType);

    internal JobKind this[string name] => byName.TryGetValue(name, out var kind)
        ? kind
        : throw new InvalidOperationException($"No module of this build handles the queued command {name}.");

    internal JobKind this[Type command] => byCommand.TryGetValue(command, out var kind)
        ? kind
        : throw new InvalidOperationException($"{command} is not registered by AddJob: a mistake in its module's wiring.");
}
