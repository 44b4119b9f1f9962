using System.Net;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Platform.Http;

namespace Platform.Accounts;

/// <summary>
/// Whether <c>/v1</c> is open to callers without a credential: setting <c>Auth__AnonymousApi</c>. Left out, it is as long as
/// <c>PublicUrl</c> is a loopback address, and then for callers of this machine only.
/// </summary>
internal sealed class ApiAccess
{
    private readonly ILogger log;
    private readonly bool isByDefault;
    private readonly PublicUrl publicUrl;
    private readonly CorsPolicy? origins;

    public ApiAccess(IConfiguration configuration, IOptions<CorsOptions> cors, ILogger<ApiAccess> log)
    {
        this.log = log;
        publicUrl = PublicUrl.Read(configuration);
        origins = cors.Value.GetPolicy(cors.Value.DefaultPolicyName);
        var setting = configuration["Auth:AnonymousApi"];
        isByDefault = string.IsNullOrEmpty(setting);
        Anonymous = isByDefault ? publicUrl.IsLoopback
            : bool.TryParse(setting, out var wanted) ? wanted
            : throw new StartupException($"Auth__AnonymousApi is {setting}, but must be true or false.");
    }

    public bool Anonymous { get; }

    /// <summary>Says in the log which it is.</summary>
    public void Announce()
    {
        if (Anonymous)
        {
            log.ApiIsOpen(isByDefault ? "those of this machine, because PublicUrl is a loopback address" : "all that reach it");
        }
        else
        {
            log.ApiIsClosed();
        }
    }

    /// <summary>Whether a request without a credential is let in.</summary>
    public bool Admits(HttpRequest request) => Anonymous
        && !request.Headers.ContainsKey("Authorization") // a key that was revoked is not as good as none
        && (!publicUrl.IsLoopback || IsLoopback(request.Host.Host)) // else a web page could rebind its name to this machine
        && (!isByDefault || request.HttpContext.Connection.RemoteIpAddress is not { } remote || IPAddress.IsLoopback(remote))
        && IsOfOurOrigins(request);

    // A page of anywhere can make a browser on this machine send a POST; it cannot make it hide where the page came from.
    private bool IsOfOurOrigins(HttpRequest request) => request.Headers.Origin is not [{ Length: > 0 } origin]
        || HttpMethods.IsGet(request.Method)
        || HttpMethods.IsHead(request.Method)
        || origins?.IsOriginAllowed(origin) is true
        || origins?.AllowAnyOrigin is true
        || (Uri.TryCreate(origin, UriKind.Absolute, out var uri)
            && (uri.Authority == request.Host.Value || (publicUrl.IsLoopback && IsLoopback(uri.Host))));

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
