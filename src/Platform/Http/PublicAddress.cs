using System.Net;
using System.Net.Sockets;

namespace Platform.Http;

/// <summary>
/// Which addresses belong to the public internet. The others are this machine, its network, its cloud's control plane, or lead there in
/// disguise (IANA's special-purpose registries, RFC 6890).
/// </summary>
internal static class PublicAddress
{
    private static readonly IPNetwork[] NotPublic =
    [
        IPNetwork.Parse("0.0.0.0/8"), // "this network": Linux connects to itself
        IPNetwork.Parse("10.0.0.0/8"),
        IPNetwork.Parse("100.64.0.0/10"), // carrier-grade NAT, and Alibaba's metadata
        IPNetwork.Parse("127.0.0.0/8"),
        IPNetwork.Parse("168.63.129.16/32"), // Azure's metadata: a public address that leads into its host
        IPNetwork.Parse("169.254.0.0/16"), // link-local: metadata of most clouds
        IPNetwork.Parse("172.16.0.0/12"),
        IPNetwork.Parse("192.0.0.0/24"), // protocol assignments, and Oracle's metadata
        IPNetwork.Parse("192.0.2.0/24"), // documentation
        IPNetwork.Parse("192.88.99.0/24"), // 6to4 relays
        IPNetwork.Parse("192.168.0.0/16"),
        IPNetwork.Parse("198.18.0.0/15"), // benchmarks
        IPNetwork.Parse("198.51.100.0/24"), // documentation
        IPNetwork.Parse("203.0.113.0/24"), // documentation
        IPNetwork.Parse("224.0.0.0/4"), // multicast
        IPNetwork.Parse("240.0.0.0/4"), // reserved, and broadcast
        IPNetwork.Parse("2001::/23"), // protocol assignments: Teredo and others that wrap another address
        IPNetwork.Parse("2001:db8::/32"), // documentation
        IPNetwork.Parse("2002::/16"), // 6to4 wraps an IPv4 address
        IPNetwork.Parse("3fff::/20"), // documentation
    ];

    // All that is assigned of IPv6. Loopback, link-local, unique local, multicast and NAT64 addresses lie outside.
    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");

    internal static bool Is(IPAddress address) =>
        (address.AddressFamily is AddressFamily.InterNetwork || IsGlobalUnicast(address))
        && !Array.Exists(NotPublic, network => network.Contains(address));

    // Contains takes an IPv4-mapped address for the IPv4 address in it.
    private static bool IsGlobalUnicast(IPAddress address) => !address.IsIPv4MappedToIPv6 && GlobalUnicast.Contains(address);
}
