using Microsoft.Extensions.Configuration;
using Platform;

namespace Albums.Sources;

/// <summary>From where files named by URL may come.</summary>
/// <param name="Hosts">Setting <c>Albums__UrlHosts</c>. <c>*.example.com</c> stands for every name below example.com.</param>
/// <param name="MaxSizeBytes">Setting <c>Albums__UrlMaxSizeBytes</c>: larger files are left out.</param>
internal sealed record UrlOptions(IReadOnlyList<string> Hosts, long MaxSizeBytes)
{
    /// <summary>Where Firebase and Google Cloud Storage hand out files.</summary>
    internal const string DefaultHosts = "firebasestorage.googleapis.com, storage.googleapis.com, *.firebasestorage.app";

    private const long DefaultMaxSizeBytes = 10L << 30;

    internal static UrlOptions Read(IConfiguration configuration)
    {
        var hosts = (configuration["Albums:UrlHosts"] ?? DefaultHosts).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (var host in hosts)
        {
            if (Uri.CheckHostName(host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host) is UriHostNameType.Unknown)
            {
                throw new StartupException($"Albums__UrlHosts has {host}, which is neither a host such as files.example.com nor *.example.com.");
            }
        }

        var limit = configuration["Albums:UrlMaxSizeBytes"];
        var maxSizeBytes = DefaultMaxSizeBytes;
        return limit is null || (long.TryParse(limit, out maxSizeBytes) && maxSizeBytes > 0)
            ? new UrlOptions(hosts, maxSizeBytes)
            : throw new StartupException($"Albums__UrlMaxSizeBytes is {limit}, but must be a number of bytes.");
    }

    internal bool Has(Uri url) => Hosts.Any(host => host.StartsWith('*')
        ? url.IdnHost.EndsWith(host[1..], StringComparison.OrdinalIgnoreCase)
        : url.IdnHost.Equals(host, StringComparison.OrdinalIgnoreCase));
}
