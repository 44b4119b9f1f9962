using Microsoft.Extensions.Configuration;

namespace Platform.Http;

/// <summary>Where people find this product: setting <c>PublicUrl</c>, <c>http://127.0.0.1:5080</c> by default.</summary>
/// <param name="Url">Ends with a slash, so that paths can be added.</param>
public sealed record PublicUrl(Uri Url)
{
    /// <summary>Only this machine finds it: a set-up for development, or for one person.</summary>
    public bool IsLoopback => Url.IsLoopback;

    /// <param name="path">Without a slash before it.</param>
    public string Of(string path) => new Uri(Url, path).ToString();

    /// <exception cref="StartupException">The setting is no URL.</exception>
    public static PublicUrl Read(IConfiguration configuration)
    {
        var setting = configuration["PublicUrl"] is { Length: > 0 } given ? given : "http://127.0.0.1:5080";
        return Uri.TryCreate(setting.TrimEnd('/') + "/", UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? new PublicUrl(url)
            : throw new StartupException($"PublicUrl is {setting}, which is not a URL such as https://photos.example.com.");
    }
}
