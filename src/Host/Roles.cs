using Platform;

namespace Host;

/// <summary>What this process does: answer requests, run jobs and subscriptions, or both. Every process answers <c>/health</c>.</summary>
internal sealed record Roles(bool Web, bool Worker)
{
    internal static Roles Read(IConfiguration configuration)
    {
        var setting = configuration["Roles"] ?? "web,worker";
        var names = setting.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return names.Length > 0 && names.All(name => name is "web" or "worker")
            ? new Roles(names.Contains("web"), names.Contains("worker"))
            : throw new StartupException($"Roles is {setting}, but must be web, worker, or web,worker.");
    }
}
