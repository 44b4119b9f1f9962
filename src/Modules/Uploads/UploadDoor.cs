using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using Platform.Accounts;
using Platform.Events;

namespace Uploads;

/// <summary>
/// Keeps callers whose credential is bound to some weddings, or to one user, to their own uploads. Another's is not found, whether there
/// is one or not.
/// </summary>
internal sealed class UploadDoor(EventStore store) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        if (http.User.IsBound() && http.Request.RouteValues["id"] is string id)
        {
            var upload = (await store.RecallAsync<Upload, IUploadEvent>(UploadErrors.ParseId(id), http.RequestAborted)).State;

            // Whose an upload is never changes, so what is remembered of it will do. A piece belongs to nobody until the file is made of it; its id is known to its client only.
            if (upload.Status is UploadStatus.Unknown || !(upload.IsPartial || MayTouch(http.User, upload.Session)))
            {
                throw UploadErrors.NotFound();
            }
        }

        return await next(context);
    }

    /// <exception cref="CommandRefusedException"><c>FORBIDDEN</c>: the upload would be another wedding's, or another user's.</exception>
    internal static void Demand(ClaimsPrincipal user, string? weddingId, string? userId)
    {
        user.MustReach(weddingId);
        user.MustBe(userId);
    }

    private static bool MayTouch(ClaimsPrincipal user, UploadInitiated session) =>
        user.Reaches(session.WeddingId) && (user.FindFirst(AccountClaims.UploadsAs) is not { Value: var own } || own == session.UserId);
}
