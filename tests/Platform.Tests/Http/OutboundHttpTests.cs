using System.Collections.Frozen;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Platform.Http;
using Xunit;

namespace Platform.Tests.Http;

public sealed class OutboundHttpTests : IAsyncLifetime
{
    private readonly List<string[]> asked = [];
    private WebApplication server = null!;
    private int port;
    private OutboundHttp http = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        server = builder.Build();
        server.Use((context, next) =>
        {
            asked.Add([.. context.Request.Headers.Keys]);
            return next();
        });
        server.MapGet("/", () => "hello");
        server.MapPost("/moved", () => Results.Redirect("/"));
        server.MapGet("/to", (HttpContext context, string url, int status) =>
        {
            context.Response.Cookies.Append("session", "1");
            context.Response.Headers.Location = url;
            context.Response.StatusCode = status;
        });
        server.MapGet("/round", () => Results.Redirect("/round"));
        server.MapGet("/silent", context => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        server.MapGet("/stalls", async context =>
        {
            context.Response.ContentLength = 10;
            await context.Response.WriteAsync("half.");
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        server.MapGet("/long-header", (HttpContext context) => context.Response.Headers["X-Long"] = new string('x', 20_000));
        await server.StartAsync(Cancel);
        port = new Uri(server.Urls.Single()).Port;
        http = Create();
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("100.100.100.200")] // Alibaba's metadata
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("168.63.129.16")] // Azure's
    [InlineData("169.254.169.254")] // AWS', Google's and most others'
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.192")] // Oracle's metadata
    [InlineData("192.0.2.1")]
    [InlineData("192.88.99.1")]
    [InlineData("192.168.1.1")]
    [InlineData("198.19.255.255")]
    [InlineData("198.51.100.7")]
    [InlineData("203.0.113.7")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::7f00:1")] // IPv4-compatible
    [InlineData("::ffff:127.0.0.1")] // IPv4-mapped
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("::ffff:0:10.0.0.1")] // IPv4-translated
    [InlineData("64:ff9b::a00:1")] // NAT64
    [InlineData("64:ff9b:1::a00:1")]
    [InlineData("100::1")]
    [InlineData("2001::1")] // Teredo
    [InlineData("2001:20::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:7f00:1::1")] // 6to4 of 127.0.0.1
    [InlineData("3fff::1")]
    [InlineData("5f00::1")]
    [InlineData("fc00::1")]
    [InlineData("fd00:ec2::254")] // AWS' metadata
    [InlineData("fe80::1")]
    [InlineData("fe80::1%1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public async Task An_address_that_is_not_public_is_not_asked_by_number_nor_by_name(string address)
    {
        Assert.False(PublicAddress.Is(IPAddress.Parse(address)));
        var literal = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        await RefusedAsync(http, $"https://{literal}/");

        using var named = Create(_ => [IPAddress.Parse("8.8.8.8"), IPAddress.Parse(address)]);
        await RefusedAsync(named, "https://photos.example/");
    }

    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("100.63.255.255")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.1")]
    [InlineData("192.0.1.1")]
    [InlineData("223.255.255.255")]
    [InlineData("2001:200::1")]
    [InlineData("2606:4700:4700::1111")]
    public void Neighbours_of_special_networks_are_public(string address) => Assert.True(PublicAddress.Is(IPAddress.Parse(address)));

    [Theory]
    [InlineData("http://photos.example/")]
    [InlineData("ftp://photos.example/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("gopher://photos.example:25/")]
    [InlineData("https://user@photos.example/")]
    [InlineData("https://user:secret@photos.example/")]
    [InlineData("https://2130706433/")] // 127.0.0.1, as some write it
    [InlineData("https://0x7f.1/")]
    [InlineData("https://0177.0.0.1/")]
    [InlineData("https://127.1/")]
    [InlineData("https://[::ffff:7f00:1]/")]
    [InlineData("https://①②⑦.0.0.1/")]
    public Task An_address_in_disguise_or_of_another_scheme_is_not_asked(string url) => RefusedAsync(http, url);

    [Theory]
    [InlineData("https://localhost/")]
    [InlineData("https://localhost./")]
    [InlineData("https://LOCALHOST:5432/")]
    public async Task This_machine_is_not_asked_by_its_real_names(string url)
    {
        using var real = new OutboundHttp(Options());
        await Assert.ThrowsAnyAsync<Exception>(() => SendAsync(real, HttpMethod.Get, url));
        Assert.Empty(asked);
    }

    [Theory]
    [InlineData("http://10.0.0.1/")]
    [InlineData("https://169.254.169.254/latest/meta-data/")]
    [InlineData("https://[::1]/")]
    [InlineData("//127.0.0.2/")]
    [InlineData("http://photos.example/")]
    [InlineData("file:///etc/passwd")]
    public async Task A_redirect_is_judged_like_the_first_address(string target)
    {
        await RefusedAsync(http, Local($"/to?status=302&url={Uri.EscapeDataString(target)}"));
        Assert.Single(asked);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_followed_without_cookies(int status)
    {
        using var response = await SendAsync(http, HttpMethod.Get, Local($"/to?status={status}&url=/"));
        Assert.Equal("hello", await response.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(2, asked.Count);
        Assert.All(asked, headers => Assert.Empty(headers.Intersect(["Cookie", "traceparent"])));
    }

    [Fact]
    public async Task Redirects_end()
    {
        await RefusedAsync(http, Local("/round"));
        Assert.Equal(6, asked.Count);
    }

    [Fact]
    public async Task A_redirected_post_is_the_answer()
    {
        using var response = await SendAsync(http, HttpMethod.Post, Local("/moved"));
        Assert.Equal(HttpStatusCode.Found, response.StatusCode);
    }

    [Fact]
    public async Task Callers_bound_the_hosts_redirects_included()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Local("/to?status=302&url=" + Uri.EscapeDataString($"http://photos.test:{port}/")));
        await Assert.ThrowsAsync<OutboundRefusedException>(() => http.SendAsync(request, url => url.IdnHost == "127.0.0.1", Cancel));
        Assert.Single(asked);
    }

    /// <summary>Rebinding: the name is public when it is looked at and private when it is connected to. It is resolved once for both.</summary>
    [Fact]
    public async Task A_connection_goes_to_the_address_that_was_judged()
    {
        var times = 0;
        using var rebinding = Create(_ => times++ == 0 ? [IPAddress.Parse("192.0.2.1")] : [IPAddress.Loopback]);
        await RefusedAsync(rebinding, "https://photos.example/");
        Assert.Equal(1, times);

        await RefusedAsync(rebinding, $"https://photos.example:{port}/");
        Assert.Equal(2, times);
        Assert.Empty(asked);
    }

    [Fact]
    public async Task The_proxy_of_the_environment_is_not_used()
    {
        Environment.SetEnvironmentVariable("http_proxy", "http://127.0.0.1:1");
        try
        {
            using var fresh = Create();
            using var response = await SendAsync(fresh, HttpMethod.Get, Local("/"));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
        finally
        {
            Environment.SetEnvironmentVariable("http_proxy", null);
        }
    }

    [Fact]
    public async Task A_server_that_says_nothing_is_given_up()
    {
        using var hasty = Create(options: options => options with { AnswerLimit = TimeSpan.FromMilliseconds(200) });
        var error = await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(hasty, HttpMethod.Get, Local("/silent?token=secret")));
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_stalls_breaks_off()
    {
        (await SendAsync(http, HttpMethod.Get, Local("/"))).Dispose(); // the first answer of a process takes longest
        using var hasty = Create(options: options => options with { StallLimit = TimeSpan.FromSeconds(3) }); // longer than a busy machine takes to begin its answer
        using var response = await SendAsync(hasty, HttpMethod.Get, Local("/stalls"));
        await using var body = await response.Content.ReadAsStreamAsync(Cancel);
        await Assert.ThrowsAnyAsync<IOException>(() => body.ReadExactlyAsync(new byte[10], Cancel).AsTask());
    }

    [Fact]
    public Task Headers_without_end_are_not_read() =>
        Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(http, HttpMethod.Get, Local("/long-header")));

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("http://127.0.0.1:80")]
    [InlineData("127.0.0.1:x")]
    [InlineData("127.0.0.1:9000/path")]
    public void A_private_host_without_a_port_stops_the_start(string setting) =>
        Assert.Contains("Outbound__PrivateHosts", Assert.Throws<StartupException>(() => Read(setting)).Message, StringComparison.Ordinal);

    [Fact]
    public void Private_hosts_stand_with_commas_between() =>
        Assert.Equal(["127.0.0.1:80", "::1:9000", "receiver:443"], Read("127.0.0.1:80, receiver:443,[::1]:9000").PrivateHosts.Order(StringComparer.Ordinal));

    private static OutboundOptions Read(string setting) =>
        OutboundOptions.Read(new ConfigurationBuilder().AddInMemoryCollection([new("Outbound:PrivateHosts", setting)]).Build());

    private OutboundOptions Options() => new(new[] { $"127.0.0.1:{port}", $"photos.test:{port}" }.ToFrozenSet());

    private OutboundHttp Create(Func<string, IPAddress[]>? resolve = null, Func<OutboundOptions, OutboundOptions>? options = null) => new(
        options is null ? Options() : options(Options()),
        (host, _) => Task.FromResult(resolve is null ? [IPAddress.Loopback] : resolve(host)));

    private string Local(string path) => $"http://127.0.0.1:{port}{path}";

    private static async Task<HttpResponseMessage> SendAsync(OutboundHttp http, HttpMethod method, string url)
    {
        using var request = new HttpRequestMessage(method, url);
        return await http.SendAsync(request, onlyTo: null, Cancel);
    }

    private static Task RefusedAsync(OutboundHttp http, string url) =>
        Assert.ThrowsAsync<OutboundRefusedException>(() => SendAsync(http, HttpMethod.Get, url));
}
