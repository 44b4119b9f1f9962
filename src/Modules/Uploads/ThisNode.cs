namespace Uploads;

/// <summary>This process among those that share the uploads. Another name after each start: what was before it is nobody's any more.</summary>
internal sealed class ThisNode
{
    public string Name { get; } = $"{Environment.MachineName}:{Environment.ProcessId}:{Guid.CreateVersion7():N}";
}
