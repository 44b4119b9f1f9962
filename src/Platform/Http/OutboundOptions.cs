using System.Collections.Frozen;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Platform.Http;

/// <summary>The section <c>Outbound</c>.</summary>
/// <param name="PrivateHosts">
/// As <c>host:port</c>: may have private addresses and be asked over http. For development and for receivers in the own network.
/// </param>
internal sealed record OutboundOptions(FrozenSet<string> PrivateHosts)
{
    /// <summary>Longest wait for a connection, with TLS.</summary>
    internal TimeSpan ConnectLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest wait for the headers of an answer, with its redirects.</summary>
    internal TimeSpan AnswerLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest silence within a body.</summary>
    internal TimeSpan StallLimit { get; init; } = TimeSpan.FromSeconds(30);

    internal static OutboundOptions Read(IConfiguration configuration)
    {
        var setting = (configuration["Outbound:PrivateHosts"] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var hosts = setting.Select(host =>
            Uri.TryCreate($"tcp://{host}", UriKind.Absolute, out var url) && url is { Port: > 0, UserInfo: "", PathAndQuery: "" or "/" }
                ? $"{url.IdnHost}:{url.Port}"
                : throw new StartupException($"Outbound__PrivateHosts has {host}, which is not a host and port such as 127.0.0.1:9000."));
        return new OutboundOptions(hosts.ToFrozenSet(StringComparer.OrdinalIgnoreCase));
    }
}

public static class OutboundWiring
{
    /// <summary>Adds <see cref="OutboundHttp"/>, with the settings under <c>Outbound</c>.</summary>
    public static IServiceCollection AddOutboundHttp(this IServiceCollection services, IConfiguration configuration)
    {
        var options = OutboundOptions.Read(configuration);
        services.TryAddSingleton(_ => new OutboundHttp(options));
        return services;
    }
}
