using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;

namespace Uploads;

/// <summary>
/// tus 1.0.0 (https://tus.io/protocols/resumable-upload) at <c>/v1/tus</c>, with all its extensions but concatenation-unfinished. What
/// the quotes say stands in that document.
/// </summary>
internal static class TusEndpoints
{
    public const string Path = "/v1/tus";

    private const string Version = "1.0.0";

    private const string Extensions =
        "creation,creation-with-upload,creation-defer-length,termination,concatenation,expiration,checksum,checksum-trailer";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        // One address for all methods: the real one can stand in X-HTTP-Method-Override. Bodies are limited by the length of their upload.
        var tus = endpoints.MapGroup(Path)
            .ExcludeFromDescription()
            .WithMetadata(new DisableRequestSizeLimitAttribute())
            .RequireScope(Scopes.Uploads, alwaysChanges: true)
            .AddEndpointFilter<RouteGroupBuilder, UploadDoor>();
        tus.Map("/", (HttpContext context, TusUploads uploads) => AnswerAsync(context, method => method switch
        {
            "OPTIONS" => uploads.DescribeAsync(context, Version, Extensions),
            "POST" => uploads.CreateAsync(context),
            _ => NotAllowedAsync(context, "OPTIONS, POST"),
        }));
        tus.Map("/{id}", (string id, HttpContext context, TusUploads uploads) => AnswerAsync(context, method => method switch
        {
            "OPTIONS" => uploads.DescribeAsync(context, Version, Extensions),
            "HEAD" => uploads.HeadAsync(context, UploadErrors.ParseId(id)),
            "PATCH" => uploads.PatchAsync(context, UploadErrors.ParseId(id)),
            "DELETE" => uploads.DeleteAsync(context, UploadErrors.ParseId(id)),
            _ => NotAllowedAsync(context, "OPTIONS, HEAD, PATCH, DELETE"),
        }));
    }

    private static Task AnswerAsync(HttpContext context, Func<string, Task> answer)
    {
        context.Response.OnStarting(() => AddHeaders(context));

        // "The actual method of the request MUST be ignored."
        var headers = context.Request.Headers;
        var method = headers["X-HTTP-Method-Override"] is [{ Length: > 0 } wanted] ? wanted.ToUpperInvariant() : context.Request.Method;
        return AppendAnswers.RunAsync(context, () => method == "OPTIONS" || headers["Tus-Resumable"] == Version
            ? answer(method)
            : throw new CommandRefusedException("TUS_VERSION_UNSUPPORTED", $"The header Tus-Resumable must be {Version}."));
    }

    private static Task AddHeaders(HttpContext context)
    {
        var response = context.Response;
        response.Headers["Tus-Resumable"] = Version;
        switch (response.StatusCode)
        {
            case StatusCodes.Status412PreconditionFailed:
                response.Headers["Tus-Version"] = Version;
                break;
            case 460:
                context.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase = "Checksum Mismatch";
                break;
        }

        return Task.CompletedTask;
    }

    private static Task NotAllowedAsync(HttpContext context, string methods)
    {
        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        context.Response.Headers.Allow = methods;
        return Task.CompletedTask;
    }
}
