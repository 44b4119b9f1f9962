namespace Uploads.Contracts;

/// <summary>
/// Who sent a file took it back after it was complete. Its object is deleted after this event, which comes once, after <see cref="UploadCompleted"/>:
/// what is made from now on does not have it. Stored under <c>upload_withdrawn</c>.
/// </summary>
/// <param name="Key">Where the object lay.</param>
public sealed record UploadWithdrawn(Guid UploadId, string? WeddingId, string Key, DateTimeOffset WithdrawnAt) : IUploadEvent;
