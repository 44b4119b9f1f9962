using System.Net;
using System.Net.Sockets;
using Platform.Storage;

namespace Platform.Http;

/// <summary>
/// Asks servers of others at addresses that others wrote, and reaches nothing else by it: https only, no address that is not of the
/// public internet, no proxy, cookies, credentials or trace of ours.
/// </summary>
/// <remarks>
/// A name is judged by the addresses it resolves to, at each connection, and the connection goes to an address that was judged: a
/// name that resolves otherwise a moment later gains nothing. Bodies come as they are sent, never unpacked.
/// </remarks>
public sealed class OutboundHttp : IDisposable
{
    /// <summary>Browsers follow 20; nobody who means well needs more than a few.</summary>
    private const int MostRedirects = 5;

    private readonly OutboundOptions options;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> resolveAsync;
    private readonly HttpMessageInvoker http;

    internal OutboundHttp(OutboundOptions options, Func<string, CancellationToken, Task<IPAddress[]>>? resolveAsync = null)
    {
        this.options = options;
        this.resolveAsync = resolveAsync ?? Dns.GetHostAddressesAsync;
        http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            ConnectTimeout = options.ConnectLimit,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            Credentials = null,
            ActivityHeadersPropagator = null,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = 16, // KiB
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(15),
            PooledConnectionLifetime = TimeSpan.FromMinutes(2), // then the name is judged again
        });
    }

    /// <summary>
    /// Whether <see cref="SendAsync"/> would try: https (or a host of <c>Outbound__PrivateHosts</c>), no user in it, and if it has an
    /// address in place of a name, a public one. What a name resolves to is seen only then.
    /// </summary>
    public bool Accepts(Uri url) =>
        url.IsAbsoluteUri
        && url.UserInfo.Length == 0
        && url.IdnHost.Length > 0
        && (IsPrivateHost(url.IdnHost, url.Port)
            ? url.Scheme is "https" or "http"
            : url.Scheme is "https" && (!IPAddress.TryParse(url.IdnHost, out var address) || PublicAddress.Is(address)));

    /// <summary>
    /// Sends a request and returns once the answer's headers are there; its body is read by the caller, who bounds its size, and disposes
    /// it. Redirects of GET and HEAD are followed, each judged like the first address; others are returned.
    /// </summary>
    /// <param name="onlyTo">Hosts the request may go to, redirects included; <see langword="null"/> for all.</param>
    /// <exception cref="OutboundRefusedException">An address is not one this product asks. Nothing was sent there.</exception>
    /// <exception cref="HttpRequestException">No answer, or too late. So may reading the body throw <see cref="IOException"/>.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, Predicate<Uri>? onlyTo, CancellationToken cancellationToken)
    {
        using var timer = new StallTimer(options.AnswerLimit, cancellationToken);
        try
        {
            for (var redirects = 0; ; redirects++)
            {
                if (request.RequestUri is not { } url || !Accepts(url) || onlyTo?.Invoke(url) is false)
                {
                    throw new OutboundRefusedException("The address, or where it redirects, is not one that may be asked.");
                }

                var response = await http.SendAsync(request, timer.Token);
                if (Redirect(request, response) is not { } next)
                {
                    return response;
                }

                response.Dispose();
                if (redirects == MostRedirects)
                {
                    throw new OutboundRefusedException($"{url.IdnHost} redirects too often.");
                }

                request.RequestUri = next;
            }
        }
        catch (HttpRequestException e) when (e.InnerException is OutboundRefusedException refused)
        {
            throw refused;
        }
        catch (OperationCanceledException e) when (timer.HasFired)
        {
            throw new HttpRequestException($"{request.RequestUri?.IdnHost} did not answer in {options.AnswerLimit.TotalSeconds:0.#} s.", e);
        }
        catch (OperationCanceledException e) when (e.InnerException is TimeoutException && !cancellationToken.IsCancellationRequested)
        {
            // What SocketsHttpHandler throws after ConnectTimeout.
            throw new HttpRequestException($"{request.RequestUri?.IdnHost} was not reached in {options.ConnectLimit.TotalSeconds:0.#} s.", e);
        }
    }

    public void Dispose() => http.Dispose();

    private static Uri? Redirect(HttpRequestMessage request, HttpResponseMessage response) =>
        (int)response.StatusCode is 301 or 302 or 303 or 307 or 308
        && (request.Method == HttpMethod.Get || request.Method == HttpMethod.Head)
        && response.Headers.Location is { } location
            ? new Uri(request.RequestUri!, location)
            : null;

    private bool IsPrivateHost(string host, int port) => options.PrivateHosts.Contains($"{host}:{port}");

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = await resolveAsync(host, cancellationToken);

        // One address that is not public tells enough about the name; the others are not tried.
        if (!IsPrivateHost(host, port) && Array.Exists(addresses, address => !PublicAddress.Is(address)))
        {
            throw new OutboundRefusedException($"{host} has an address that is not of the public internet.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, cancellationToken);
            return new StallLimitedStream(socket, options.StallLimit);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>An address is not one this product asks. The message names no more than a host.</summary>
public sealed class OutboundRefusedException(string message) : Exception(message);
