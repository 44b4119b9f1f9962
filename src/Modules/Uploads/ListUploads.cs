using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;
using Uploads.Contracts;

namespace Uploads;

/// <summary>Uploads of a wedding, newest first, from the read model: it follows the log by a moment.</summary>
internal static class ListUploadsHandler
{
    /// <summary>
    /// <c>GET /v1/uploads?weddingId=&amp;before=</c>: up to 100, newest first; <c>before</c> is the last id of the page before.
    /// </summary>
    internal static void Map(RouteGroupBuilder uploads) =>
        uploads.MapGet("/", GetAsync).RequireScope(Scopes.Albums); // guests send files, but do not see those of others

    private static async Task<Ok<Page>> GetAsync(
        string? weddingId, Guid? before, ClaimsPrincipal user, IUploads uploads, CancellationToken cancellationToken)
    {
        if (weddingId is null || KeyLayout.CheckWeddingId(weddingId) is null)
        {
            throw new CommandRefusedException("INVALID_WEDDING_ID", "Name the wedding: ?weddingId=…");
        }

        user.MustReach(weddingId);

        return TypedResults.Ok(new Page(await uploads.SearchAsync(new UploadSearch(weddingId, Before: before), cancellationToken)));
    }

    private sealed record Page(IReadOnlyList<UploadListed> Uploads);
}
