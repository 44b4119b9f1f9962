namespace Uploads.Contracts;

/// <summary>Uploads for the portal, from the read model: it follows the log by a moment.</summary>
public interface IUploads
{
    /// <summary>Up to <see cref="UploadSearch.PageSize"/>, the newest first.</summary>
    Task<IReadOnlyList<UploadListed>> SearchAsync(UploadSearch search, CancellationToken cancellationToken);
}

/// <summary>Which uploads. Conditions are combined; one that is empty holds for all.</summary>
/// <param name="Status">One of <see cref="Statuses"/>.</param>
/// <param name="Before">The last upload of the page before.</param>
public sealed record UploadSearch(string? WeddingId = null, string? Status = null, Guid? Before = null)
{
    public const int PageSize = 100;

    public static IReadOnlyList<string> Statuses { get; } = ["open", "completing", "verifying", "completed", "aborted", "expired", "lost", "withdrawn"];
}

public sealed record UploadListed(
    Guid UploadId,
    string Status,
    string Key,
    string FileName,
    string ContentType,
    long SizeBytes,
    DateTimeOffset InitiatedAt,
    DateTimeOffset? CompletedAt,
    string? WeddingId,
    string? GuestName = null);
