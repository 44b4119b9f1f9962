namespace Platform.Storage;

/// <summary>A store at the bottom, below all decorators.</summary>
internal interface IStore : IObjectStorage
{
    /// <summary>Returns when objects can be listed and stored.</summary>
    /// <exception cref="StartupException">They cannot; the message says which setting to look at.</exception>
    Task CheckAsync(CancellationToken cancellationToken);

    /// <summary>What the store has to do by and by, until it is cancelled.</summary>
    Task RunAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
