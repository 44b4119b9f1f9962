using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;

namespace Uploads;

/// <summary>
/// Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload-12, interop version 8) at <c>/v1/resumable</c>. What the quotes say
/// stands in that document. There are no 104 responses, which are optional: Kestrel has no way to send them.
/// </summary>
internal static class ResumableEndpoints
{
    public const string Path = "/v1/resumable";

    private const string InteropVersion = "8";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        // Bodies are limited by the length of their upload.
        var resumable = endpoints.MapGroup(Path)
            .ExcludeFromDescription()
            .WithMetadata(new DisableRequestSizeLimitAttribute())
            .RequireScope(Scopes.Uploads)
            .AddEndpointFilter<RouteGroupBuilder, UploadDoor>();
        resumable.MapMethods("/", ["OPTIONS"], (HttpContext context, ResumableUploads uploads) =>
            AnswerAsync(context, uploads, () => uploads.DescribeAsync(context)));
        resumable.MapMethods("/", ["POST", "PUT"], (HttpContext context, ResumableUploads uploads) =>
            AnswerAsync(context, uploads, () => uploads.CreateAsync(context)));
        resumable.MapMethods("/{id}", ["HEAD", "GET"], (string id, HttpContext context, ResumableUploads uploads) =>
            AnswerAsync(context, uploads, () => uploads.RetrieveAsync(context, UploadErrors.ParseId(id))));
        resumable.MapPatch("/{id}", (string id, HttpContext context, ResumableUploads uploads) =>
            AnswerAsync(context, uploads, () => uploads.AppendAsync(context, UploadErrors.ParseId(id))));
        resumable.MapDelete("/{id}", (string id, HttpContext context, ResumableUploads uploads) =>
            AnswerAsync(context, uploads, () => uploads.CancelAsync(context, UploadErrors.ParseId(id))));
    }

    private static Task AnswerAsync(HttpContext context, ResumableUploads uploads, Func<Task> answer)
    {
        context.Response.OnStarting(() =>
        {
            var response = context.Response;
            response.Headers["Upload-Draft-Interop-Version"] = InteropVersion;
            if (response.StatusCode >= StatusCodes.Status400BadRequest)
            {
                // Of the protocol rather than of the file, unless said otherwise: the upload can go on where the code does not end it.
                response.Headers.TryAdd("Upload-Complete", StructuredFields.Format(false));
            }

            if (response.StatusCode == StatusCodes.Status413PayloadTooLarge)
            {
                response.Headers["Upload-Limit"] = uploads.Limits;
            }

            return Task.CompletedTask;
        });
        return AppendAnswers.RunAsync(context, answer);
    }
}
