using Albums.Contracts;

namespace Albums;

// Stream album-{id}. These shapes are the storage format: add members, never rename or remove one.

/// <summary>What all events of an album have in common. An interface, because the public contract events are among them.</summary>
internal interface IAlbumEvent;

/// <param name="WebhookUrl">Told how the album goes on. It may hold a secret of the receiver's.</param>
/// <param name="IsSelection">Of some files that somebody chose: not the album of the wedding.</param>
/// <param name="MaxVolumeBytes">Several ZIPs of at most this size are wanted, in place of one.</param>
internal sealed record AlbumRequested(
    string WeddingId,
    IReadOnlyList<RequestedFile> Files,
    string? Prefix,
    IReadOnlyList<string> Emails,
    DateTimeOffset At,
    string? WebhookUrl = null,
    long? MaxVolumeBytes = null,
    bool IsSelection = false) : IAlbumEvent;

/// <summary>A worker took the album up. Whoever worked on it before finds the stream moved on, and stops.</summary>
internal sealed record AttemptStarted(string Node, DateTimeOffset At) : IAlbumEvent;

/// <summary>The worker stopped between two parts, because others wait for its place. The album waits behind them and goes on.</summary>
internal sealed record AttemptYielded(DateTimeOffset At) : IAlbumEvent;

/// <summary>A file that was asked for is not in the ZIP. <paramref name="Index"/> counts the files asked for.</summary>
/// <param name="Key">Where it should be in the store: a replay looks there. <see langword="null"/> for a file with a URL.</param>
internal sealed record FileSkipped(int Index, string Name, string Reason, string? Key = null) : IAlbumEvent;

/// <param name="SizeBytes">Of all volumes together.</param>
/// <param name="VolumeSizesBytes">In their order; <see langword="null"/> where the album is one ZIP.</param>
/// <param name="EntriesToRead">Once so many entries are zipped, the CRCs of all are known; where it is not given, after the last.</param>
internal sealed record PlanFrozen(
    string PlanKey,
    string PlanHash,
    int LayoutVersion,
    long PartSizeBytes,
    int Entries,
    long SizeBytes,
    DateTimeOffset? At = null,
    int? EntriesToRead = null,
    IReadOnlyList<long>? VolumeSizesBytes = null) : IAlbumEvent
{
    internal int VolumeCount => VolumeSizesBytes?.Count ?? 1;

    /// <param name="volume">From 1.</param>
    internal long SizeOf(int volume) => VolumeSizesBytes?[volume - 1] ?? SizeBytes;

    internal int PartCountOf(int volume) => (int)((SizeOf(volume) + PartSizeBytes - 1) / PartSizeBytes);
}

/// <summary>A multipart upload for the ZIP is open, of several volumes for the next one. Parts of an earlier one are void.</summary>
internal sealed record MultipartBegun(string Key, string UploadId) : IAlbumEvent;

/// <summary>A part is safe in the store. Its segments carry what was learnt about the CRCs of the entries it holds.</summary>
internal sealed record PartStored(
    int Number, string ETag, long SizeBytes, IReadOnlyList<Segment> Segments, DateTimeOffset At) : IAlbumEvent;

/// <summary>The part is about to be sent again: the store no longer has it as recorded.</summary>
internal sealed record PartInvalidated(int Number) : IAlbumEvent;

/// <summary>Somebody does without a file that is not packed yet. Whoever works on the album plans it anew; then it is <see cref="FileSkipped"/>.</summary>
/// <param name="Index">Counts the files asked for.</param>
internal sealed record FileSkipRequested(int Index, string By, DateTimeOffset At) : IAlbumEvent;

/// <summary>An entry and all before it are safe in the store. <paramref name="Index"/> counts the plan's entries.</summary>
internal sealed record FileZipped(int Index, long OffsetBytes, long SizeBytes, uint Crc32) : IAlbumEvent;

/// <summary>A volume of the album is whole and stands in the store. Parts that follow are of the next one.</summary>
/// <param name="Entries">How many of the plan's entries it has, <c>_MISSING.txt</c> included.</param>
internal sealed record VolumeCompleted(int Number, string Key, long SizeBytes, string ETag, int Entries, DateTimeOffset At) : IAlbumEvent
{
    internal AlbumVolume ToVolume() => new(Number, Key, SizeBytes, ETag);
}

/// <summary>
/// A file vanished while packing: everything from <paramref name="FromPart"/> on moves. The new plan follows; where no file is left, a
/// replay makes it.
/// </summary>
/// <param name="FilesKept">Entries that lie wholly before that part.</param>
internal sealed record Replanned(int FromPart, int FilesKept) : IAlbumEvent;

/// <summary>
/// A download of the ZIP before it was packed broke off: a file in it is not what it was when planned. The job packs the album without it.
/// </summary>
/// <param name="Entry">Counts the entries of the plan.</param>
internal sealed record DownloadBroken(string PlanHash, int Entry, string Name, string Reason, DateTimeOffset At) : IAlbumEvent;

/// <param name="Recipient">Counts the addresses that the request named.</param>
internal sealed record LinkSent(int Recipient, DateTimeOffset At) : IAlbumEvent;

/// <summary>A mail was refused for good, or given up.</summary>
/// <param name="Recipient">Counts the addresses that the request named.</param>
/// <param name="Mail">One of <see cref="AlbumMails"/>.</param>
internal sealed record MailFailed(int Recipient, string Mail, string Reason, DateTimeOffset At) : IAlbumEvent;

/// <summary>Somebody wants the link to be mailed once more.</summary>
internal sealed record LinkRequested(string By, DateTimeOffset At) : IAlbumEvent;

/// <summary>All admins have a mail about the failure of that version. Now failures are told together, by <see cref="FailuresReported"/>.</summary>
internal sealed record AdminsTold(long FailedVersion, DateTimeOffset At) : IAlbumEvent;

/// <summary>What is mailed to those who asked for an album. Stored.</summary>
internal static class AlbumMails
{
    internal const string Link = "link";
    internal const string Reminder = "reminder";
}

/// <summary>A failed album goes on. Of a complete one a new edition begins, with the files that were missing and are there by now.</summary>
internal sealed record AlbumReplayed(string By, DateTimeOffset At) : IAlbumEvent;

/// <summary>The replay of a complete album is over without a new ZIP: the one that stands stays, under its link.</summary>
/// <param name="Reason"><c>NOTHING_FOUND</c>, <c>FILE_LOST</c> or <c>CANCELLED</c>.</param>
/// <param name="By">Who cancelled it.</param>
internal sealed record ReplayEnded(string Reason, string? By, DateTimeOffset At) : IAlbumEvent;

internal sealed record AlbumCancelled(string By, DateTimeOffset At) : IAlbumEvent;

/// <summary>Somebody wants nothing of the album left. Its ZIP, plans and parts go; its history stays.</summary>
internal sealed record AlbumDeleted(string By, DateTimeOffset At) : IAlbumEvent;

/// <summary>Whoever has the link hears that the ZIP will go.</summary>
/// <param name="ExpiresAt">Takes the place of the date that the album was completed with.</param>
internal sealed record ExpiryAnnounced(DateTimeOffset ExpiresAt, DateTimeOffset At) : IAlbumEvent;

/// <param name="Recipient">Counts the addresses that the request named.</param>
internal sealed record ReminderSent(int Recipient, DateTimeOffset At) : IAlbumEvent;

/// <summary>The ZIP was kept as long as it was said. It goes; the history stays.</summary>
internal sealed record AlbumExpired(DateTimeOffset At) : IAlbumEvent;

/// <summary>What one attempt cost: operations by price class, bytes through this process, seconds; and bytes that the store copied inside.</summary>
internal sealed record WorkMetered(
    long ClassAOperations, long ClassBOperations, long BytesIn, long BytesOut, double WallSeconds, long BytesCopied = 0) : IAlbumEvent;

/// <param name="Key">An object of the store; <see langword="null"/> for a file with a <paramref name="Url"/>.</param>
/// <param name="Name">What the guest called it; the last segment of key or URL where neither it nor the server says more.</param>
/// <param name="Url">May hold a token: it is shown to nobody.</param>
internal sealed record RequestedFile(string? Key, string? Name, string? Url = null);

/// <summary>Bytes of one entry within one part.</summary>
/// <param name="Crc32"><see langword="null"/> where the store copied them; the entry's CRC was known before.</param>
internal sealed record Segment(int Entry, long OffsetBytes, long SizeBytes, uint? Crc32);

internal sealed record SkippedFile(int Index, string Name, string Reason, string? Key = null)
{
    internal FileSkipped ToEvent() => new(Index, Name, Reason, Key);

    /// <summary>What to look for, to pack it after all. Where the request names no files there is a <see cref="Key"/>.</summary>
    internal RequestedFile AsRequested(AlbumRequested request) => request.Files.Count > 0 ? request.Files[Index] : new(Key, Name);
}
