namespace Platform;

/// <summary>
/// The host cannot start. The message is one sentence for the person who runs it, naming the setting to change; it holds no secret.
/// </summary>
public sealed class StartupException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>2: a setting is wrong. 3: something the host depends on is not there.</summary>
    public int ExitCode { get; init; } = 2;
}
