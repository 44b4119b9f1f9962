namespace Uploads.Contracts;

/// <summary>
/// A file lies in storage, whole and verified: the store completed it and agreed on its size. Last event of its stream, recorded
/// once. Stored under <c>upload_completed</c>.
/// </summary>
/// <param name="WeddingId">The wedding it belongs to; <see langword="null"/> where the uploader named none.</param>
/// <param name="Key">Where the object lies. No other upload ever has the same key.</param>
/// <param name="FileName">As the uploader named it, NFC, free of path separators and control characters. Not unique.</param>
/// <param name="Crc32">CRC-32 (as in ZIP) of the whole file, combined from the CRCs of its chunks.</param>
/// <param name="ContentType">As declared, in lower case without parameters; agrees with the file's first bytes.</param>
/// <param name="ETag">Of the finished object, as HEAD gives it.</param>
/// <param name="Media">For pictures and films that say something of themselves.</param>
/// <param name="GuestName">What the guest who sent it wants to be called, in one line; <see langword="null"/> where nobody said.</param>
public sealed record UploadCompleted(
    Guid UploadId,
    string? WeddingId,
    string Key,
    string FileName,
    long SizeBytes,
    uint Crc32,
    string ContentType,
    string ETag,
    DateTimeOffset CompletedAt,
    UploadedMedia? Media = null,
    string? GuestName = null) : IUploadEvent;
