using System.Diagnostics;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Platform.Accounts;
using Platform.Events;

namespace Platform.Http;

/// <summary>What holds for every endpoint: errors, security headers, limits, CORS.</summary>
public static class HttpWiring
{
    // An album request with 10,000 files has about 2 MB. Endpoints that take file bytes raise it for themselves.
    private const long LargestBodyBytes = 8 * 1024 * 1024;

    // The Portal makes it. Where there is none, people read what programs do.
    private const string NotFoundPage = "/not-found";

    // What scripts of other origins may read: of any answer, of tus, and of resumable uploads.
    private static readonly string[] ExposedHeaders =
    [
        "ETag", "Location", "Retry-After", "Content-Range", "Content-Disposition",
        "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm",
        "Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Concat", "Upload-Expires",
        "Upload-Complete", "Upload-Limit", "Upload-Draft-Interop-Version", "Repr-Digest",
    ];

    /// <summary>Setting <c>Cors__Origins</c>: origins with commas between, or <c>*</c>; none by default. Cookies never cross.</summary>
    public static IServiceCollection AddHttp(this IServiceCollection services, IConfiguration configuration)
    {
        var origins = ReadOrigins(configuration["Cors:Origins"]);
        services.AddErrors();
        services.AddOutboundHttp(configuration);
        services.AddAuthentication();
        services.AddAuthorization();
        services.AddSingleton<ApiAccess>();
        services.AddSingleton<IAuthorizationHandler, ApiRequirementHandler>();
        services.AddSingleton<IAuthorizationMiddlewareResultHandler, ApiRefusals>();
        services.AddSignInLimit();
        services.AddAntiforgery(antiforgery => antiforgery.HeaderName = Antiforgery.Header);
        services.AddSingleton<DistributedContextPropagator, TraceOnlyPropagator>();
        services.Configure<KestrelServerOptions>(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LargestBodyBytes;
        });
        services.AddSingleton<IMemoryPoolFactory<byte>, RequestBuffers>();
        return services.AddCors(cors => cors.AddDefaultPolicy(policy => policy
            .WithOrigins(origins)
            .AllowAnyHeader()
            .AllowAnyMethod()
            .WithExposedHeaders(ExposedHeaders)
            .SetPreflightMaxAge(TimeSpan.FromHours(2))));
    }

    public static IApplicationBuilder UseHttp(this IApplicationBuilder app)
    {
        var access = app.ApplicationServices.GetRequiredService<ApiAccess>();
        app.ApplicationServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.Register(access.Announce);
        var cors = app.ApplicationServices.GetRequiredService<IOptions<CorsOptions>>().Value;
        var origins = cors.GetPolicy(cors.DefaultPolicyName)!;
        return app.Use((context, next) => AddHeadersAsync(context, next, dependsOnOrigin: !origins.AllowAnyOrigin && origins.Origins.Count > 0))
            .UseErrors()
            .UseWhen(AsksForPage, pages => pages.UseStatusCodePagesWithReExecute(NotFoundPage))
            .UseRouting()
            .UseCors()
            .UseRateLimiter()
            .UseAuthentication()
            .UseAuthorization()
            .Use(Annotate)
            .UseAntiforgery();
    }

    private static bool AsksForPage(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method) && context.Request.GetTypedHeaders().Accept.Any(type => type.MediaType == "text/html");

    private static Task AddHeadersAsync(HttpContext context, RequestDelegate next, bool dependsOnOrigin)
    {
        context.Response.OnStarting(() =>
        {
            var headers = context.Response.Headers;

            // Also where no origin asked: a cache must not give that answer, which names none, to one that does (Fetch, "CORS protocol and HTTP caches").
            if (dependsOnOrigin && !headers.Vary.Contains(HeaderNames.Origin))
            {
                headers.Append(HeaderNames.Vary, HeaderNames.Origin);
            }

            headers.XContentTypeOptions = "nosniff";
            headers.TryAdd("Referrer-Policy", "no-referrer");
            headers.TryAdd("X-Frame-Options", "DENY");
            headers.TryAdd("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
            return Task.CompletedTask;
        });
        return next(context);
    }

    // What the request causes is recorded with who caused it. No trace holds the token of a link.
    private static Task Annotate(HttpContext context, RequestDelegate next)
    {
        if (context.User.Identity is { IsAuthenticated: true, Name: { } name })
        {
            Activity.Current?.SetBaggage(EventMetadata.ByItem, name);
        }

        if (RequestPath.Of(context) is var path && path != context.Request.Path)
        {
            Activity.Current?.SetTag("url.path", path.Value);
        }

        return next(context);
    }

    private static string[] ReadOrigins(string? setting)
    {
        var origins = (setting ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (var origin in origins.Where(origin => origin != "*"))
        {
            if (!Uri.TryCreate(origin, UriKind.Absolute, out var uri)
                || uri.Scheme is not ("http" or "https")
                || uri.GetLeftPart(UriPartial.Authority) != origin)
            {
                throw new StartupException($"Cors__Origins has {origin}, which is not an origin such as https://example.com.");
            }
        }

        return origins;
    }
}

/// <summary>
/// Takes the trace of a caller but not its baggage: there this product keeps who does something and why, which a request must not claim.
/// </summary>
internal sealed class TraceOnlyPropagator : DistributedContextPropagator
{
    private readonly DistributedContextPropagator inner = CreateW3CPropagator();

    public override IReadOnlyCollection<string> Fields => inner.Fields;

    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter) =>
        inner.Inject(activity, carrier, setter);

    public override void ExtractTraceIdAndState(
        object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) =>
        inner.ExtractTraceIdAndState(carrier, getter, out traceId, out traceState);

    public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
}
