using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Platform.Accounts;

/// <summary>Who did what, for scripts of an admin's own; the portal shows the same.</summary>
internal static class AuditEndpoints
{
    /// <summary>
    /// <c>GET /v1/audit?by=&amp;subject=&amp;beforeAt=&amp;beforePosition=</c>: up to 100, the newest first; the last two are those of the last entry of the
    /// page before. Admins only.
    /// </summary>
    internal static void Map(IEndpointRouteBuilder endpoints) => endpoints.MapGet(
        "/v1/audit",
        async (string? by, string? subject, DateTimeOffset? beforeAt, long? beforePosition, AuditLog audit, CancellationToken cancellationToken) =>
        {
            var before = beforeAt is { } at ? new AuditEntry(at.ToUniversalTime(), "", "", "", null, beforePosition ?? 0) : null;
            return TypedResults.Ok(new Page(await audit.SearchAsync(new AuditSearch(by, subject, before), cancellationToken)));
        }).WithTags("Audit").RequireAdmin();

    private sealed record Page(IReadOnlyList<AuditEntry> Entries);
}
