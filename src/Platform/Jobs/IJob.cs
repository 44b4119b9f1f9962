namespace Platform.Jobs;

/// <summary>
/// Handles one queued command. It may run more than once and, after a pause of a node, on two nodes at a time: the stream's
/// expected version is the fence, and effects come before the event that claims them.
/// </summary>
public interface IJob<in TCommand>
{
    /// <summary>One attempt. An exception is retried with backoff; returning means done.</summary>
    Task RunAsync(TCommand command, CancellationToken cancellationToken);

    /// <summary>Called once the last attempt failed, so that the module records the failure in its own stream.</summary>
    Task GaveUpAsync(TCommand command, Exception error, CancellationToken cancellationToken);
}
