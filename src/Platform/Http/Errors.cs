using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Platform.Http;

/// <summary>The one place where exceptions and bare statuses become answers. A client that goes away is no error.</summary>
internal sealed class Errors(RequestDelegate next, IOptions<JsonOptions> json, ErrorCodes codes, TimeProvider clock, ILogger<Errors> log)
{
    // Not in any RFC; nginx's number for a client that closed. Nobody reads the answer, but logs and metrics tell it from a success.
    private const int ClientClosedRequest = 499;

    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (Exception gone) when (context.RequestAborted.IsCancellationRequested)
        {
            var path = RequestPath.Of(context);
            log.ClientGone(gone, context.Request.Method, path);
            if (!context.Response.HasStarted)
            {
                context.Response.StatusCode = ClientClosedRequest;
            }

            return;
        }
        catch (Exception error) when (context.Response.HasStarted)
        {
            // The status is out: only a broken connection still tells the client that the body is not whole.
            log.BrokenAnswer(error, context.Request.Method, RequestPath.Of(context));
            context.Abort();
            return;
        }
        catch (Exception error) when (Refuse(context, error))
        {
            await WriteAsync(context, Problem.Of(error, codes));
            return;
        }

        if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null })
        {
            await WriteAsync(context, Problem.Of(context.Response.StatusCode));
        }
    }

    /// <summary>Logs faults, and drops headers that were meant for the answer that failed.</summary>
    private bool Refuse(HttpContext context, Exception error)
    {
        var status = Problem.Of(error, codes).Status;
        if (status >= StatusCodes.Status500InternalServerError)
        {
            log.RequestFailed(error, context.Request.Method, RequestPath.Of(context), status);
        }

        context.Response.Clear();
        return true;
    }

    private async Task WriteAsync(HttpContext context, Problem problem)
    {
        context.Response.StatusCode = problem.Status;
        context.Response.Headers.CacheControl = "no-store";
        if (problem.RetryAfter is { } retryAfter)
        {
            context.Response.Headers.RetryAfter = Math.Ceiling(retryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        }

        var traceId = Activity.Current?.TraceId.ToString() ?? context.TraceIdentifier;
        var document = problem.ToDocument(context, traceId, clock.GetUtcNow());
        var body = JsonSerializer.SerializeToUtf8Bytes(document, json.Value.SerializerOptions);
        context.Response.ContentType = Problem.ContentType;
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }
}

public static class ErrorsWiring
{
    /// <summary>
    /// Problem details for every refusal and fault, and JSON as this API speaks it: camelCase members and enums; unknown members ignored.
    /// </summary>
    public static IServiceCollection AddErrors(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<ErrorCodes>();
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        return services.ConfigureHttpJsonOptions(options => HttpJson.Configure(options.SerializerOptions));
    }

    /// <summary>Adds a module's codes: <c>services.AddErrorCodes(("ALBUM_NOT_FOUND", 404))</c>. A code without a status is answered with 409.</summary>
    public static IServiceCollection AddErrorCodes(this IServiceCollection services, params (string Code, int Status)[] codes)
    {
        foreach (var (code, status) in codes)
        {
            services.AddSingleton(new ErrorCode(code, status));
        }

        return services;
    }

    /// <summary>Goes first: it answers for everything behind it.</summary>
    public static IApplicationBuilder UseErrors(this IApplicationBuilder app) => app.UseMiddleware<Errors>();
}
