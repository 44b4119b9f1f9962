using Microsoft.AspNetCore.Http.Features;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Host;

/// <summary>
/// Traces and metrics by OTLP, where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names a collector. All other <c>OTEL_…</c> variables hold too.
/// </summary>
internal static class Telemetry
{
    private static readonly string[] Sources = ["Microsoft.AspNetCore", "Npgsql", "Platform.*", "Albums", "Assets", "Uploads", "Weddings"];
    private static readonly string[] Meters = [.. Sources, "Microsoft.AspNetCore.*", "System.Runtime", "Quartz"];

    internal static IServiceCollection AddTelemetry(this IServiceCollection services, IConfiguration configuration) =>
        string.IsNullOrEmpty(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]) ? services : services
            .AddSingleton(_ => Sdk.CreateTracerProviderBuilder().ConfigureResource(Name).AddSource(Sources).AddOtlpExporter().Build())
            .AddSingleton(_ => Sdk.CreateMeterProviderBuilder().ConfigureResource(Name).AddMeter(Meters).AddOtlpExporter().Build())
            .AddHostedService<Exporters>();

    /// <summary>Says in the span of a request what came of it. Its route stands for its path, which may hold the token of a guest or of a couple.</summary>
    internal static void UseSpansOfRequests(this WebApplication app) => app.Use(async (context, next) =>
    {
        try
        {
            await next(context);
        }
        finally
        {
            if (context.Features.Get<IHttpActivityFeature>()?.Activity is { IsAllDataRequested: true } span)
            {
                var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
                span.DisplayName = $"{context.Request.Method} {route}".TrimEnd();
                span.SetTag("http.route", route).SetTag("url.path", route).SetTag("http.response.status_code", context.Response.StatusCode);
            }
        }
    });

    private static void Name(ResourceBuilder resource) => resource.AddService("weddings").AddEnvironmentVariableDetector();

    // Asking for the providers is what starts them; the container disposes them, which sends what is left.
    private sealed class Exporters(TracerProvider traces, MeterProvider metrics) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            traces.ForceFlush();
            metrics.ForceFlush();
            return Task.CompletedTask;
        }
    }
}
