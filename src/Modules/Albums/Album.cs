using System.Collections.Immutable;
using Albums.Contracts;
using Platform.Events;

namespace Albums;

// Stream album-{id}. These shapes are the storage format: add members, never rename or remove one.

/// <summary>What all events of an album have in common. An interface, because the public contract events are among them.</summary>
internal interface IAlbumEvent;

/// <param name="WebhookUrl">Told how the album goes on. It may hold a secret of the receiver's.</param>
internal sealed record AlbumRequested(
    string WeddingId,
    IReadOnlyList<RequestedFile> Files,
    string? Prefix,
    IReadOnlyList<string> Emails,
    DateTimeOffset At,
    string? WebhookUrl = null) : IAlbumEvent;

/// <summary>A worker took the album up. Whoever worked on it before finds the stream moved on, and stops.</summary>
internal sealed record AttemptStarted(string Node, DateTimeOffset At) : IAlbumEvent;

/// <summary>The worker stopped between two parts, because others wait for its place. The album waits behind them and goes on.</summary>
internal sealed record AttemptYielded(DateTimeOffset At) : IAlbumEvent;

/// <summary>A file that was asked for is not in the ZIP. <paramref name="Index"/> counts the files asked for.</summary>
internal sealed record FileSkipped(int Index, string Name, string Reason) : IAlbumEvent;

/// <param name="EntriesToRead">Once so many entries are zipped, the CRCs of all are known; where it is not given, after the last.</param>
internal sealed record PlanFrozen(
    string PlanKey,
    string PlanHash,
    int LayoutVersion,
    long PartSizeBytes,
    int Entries,
    long SizeBytes,
    DateTimeOffset? At = null,
    int? EntriesToRead = null) : IAlbumEvent;

/// <summary>A multipart upload for the ZIP is open. Parts of an earlier one are void.</summary>
internal sealed record MultipartBegun(string Key, string UploadId) : IAlbumEvent;

/// <summary>A part is safe in the store. Its segments carry what was learnt about the CRCs of the entries it holds.</summary>
internal sealed record PartStored(
    int Number, string ETag, long SizeBytes, IReadOnlyList<Segment> Segments, DateTimeOffset At) : IAlbumEvent;

/// <summary>The part is about to be sent again: the store no longer has it as recorded.</summary>
internal sealed record PartInvalidated(int Number) : IAlbumEvent;

/// <summary>An entry and all before it are safe in the store. <paramref name="Index"/> counts the plan's entries.</summary>
internal sealed record FileZipped(int Index, long OffsetBytes, long SizeBytes, uint Crc32) : IAlbumEvent;

/// <summary>
/// A file vanished while packing: everything from <paramref name="FromPart"/> on moves. The new plan follows; where no file is left, a
/// replay makes it.
/// </summary>
/// <param name="FilesKept">Entries that lie wholly before that part.</param>
internal sealed record Replanned(int FromPart, int FilesKept) : IAlbumEvent;

/// <param name="Recipient">Counts the addresses that the request named.</param>
internal sealed record LinkSent(int Recipient, DateTimeOffset At) : IAlbumEvent;

internal sealed record AlbumReplayed(string By, DateTimeOffset At) : IAlbumEvent;

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

/// <summary>What one attempt cost: operations by price class, bytes through this process, seconds.</summary>
internal sealed record WorkMetered(
    long ClassAOperations, long ClassBOperations, long BytesIn, long BytesOut, double WallSeconds) : IAlbumEvent;

/// <param name="Key">An object of the store; <see langword="null"/> for a file with a <paramref name="Url"/>.</param>
/// <param name="Name">What the guest called it; the last segment of key or URL where neither it nor the server says more.</param>
/// <param name="Url">May hold a token: it is shown to nobody.</param>
internal sealed record RequestedFile(string? Key, string? Name, string? Url = null);

/// <summary>Bytes of one entry within one part.</summary>
/// <param name="Crc32"><see langword="null"/> where the store copied them unseen; the entry's CRC was known then.</param>
internal sealed record Segment(int Entry, long OffsetBytes, long SizeBytes, uint? Crc32);

internal sealed record SkippedFile(int Index, string Name, string Reason);

internal enum AlbumStatus
{
    Unknown,
    Requested,
    Planning,
    Zipping,
    Completed,
    Failed,
    Cancelled,
    Deleted,
    Expired,
}

internal sealed record Album : IState<Album, IAlbumEvent>
{
    // With the job's pauses between them, some five minutes.
    private const int PatientAttempts = 6;

    public static string Category => "album";

    public static Album Initial { get; } = new();

    public AlbumStatus Status { get; private init; }

    public AlbumRequested? Request { get; private init; }

    public PlanFrozen? Plan { get; private init; }

    public MultipartBegun? Upload { get; private init; }

    /// <summary>Uploads that others took the place of. Whoever began the new one aborts the old; what a crash left of them goes in the end.</summary>
    public ImmutableList<MultipartBegun> Abandoned { get; private init; } = [];

    public ImmutableDictionary<int, PartStored> Parts { get; private init; } = ImmutableDictionary<int, PartStored>.Empty;

    /// <summary>Sum of the sizes of <see cref="Parts"/>.</summary>
    public long StoredBytes { get; private init; }

    /// <summary>Entries that are safe: the first ones of the plan, this many.</summary>
    public int FilesZipped { get; private init; }

    public ImmutableList<SkippedFile> Skipped { get; private init; } = [];

    public int Attempts { get; private init; }

    public AttemptStarted? Attempt { get; private init; }

    /// <summary>The attempt made room for others; who goes on with it makes no new one.</summary>
    public bool HasYielded { get; private init; }

    /// <summary>How fast parts become safe.</summary>
    public Pace Pace { get; private init; } = Pace.From(DateTimeOffset.MinValue);

    /// <summary>Entries behind <see cref="FilesZipped"/> of which bytes are safe.</summary>
    public EntriesUnderway Underway { get; private init; } = EntriesUnderway.None;

    public AlbumCompleted? Completed { get; private init; }

    public AlbumFailed? Failure { get; private init; }

    /// <summary>Recipients whose mail server has the link.</summary>
    public ImmutableHashSet<int> LinksSent { get; private init; } = [];

    public ExpiryAnnounced? ExpiryAnnounced { get; private init; }

    /// <summary>Until when the ZIP is kept, as far as anybody was told.</summary>
    public DateTimeOffset? ExpiresAt => ExpiryAnnounced?.ExpiresAt ?? Completed?.ExpiresAt;

    /// <summary>Recipients whose mail server has the reminder.</summary>
    public ImmutableHashSet<int> RemindersSent { get; private init; } = [];

    /// <summary>There is work that a worker may take up.</summary>
    public bool IsWaitingForWork => Status is AlbumStatus.Requested or AlbumStatus.Planning or AlbumStatus.Zipping;

    /// <summary>Nothing of it may stay in the store, and nobody can change that any more.</summary>
    public bool LeavesNothing => Status is AlbumStatus.Cancelled or AlbumStatus.Deleted or AlbumStatus.Expired;

    /// <summary>An outage of another server fails the attempt; later its files are done without.</summary>
    public bool WaitsForOtherServers => Attempts <= PatientAttempts;

    /// <summary>Every byte of the ZIP follows from the plan and the files: the plan knows their CRCs, or they were found while packing.</summary>
    public bool AreCrcsKnown => Plan is { } plan && FilesZipped >= (plan.EntriesToRead ?? plan.Entries);

    /// <summary>The ZIP can be had now. It need not be complete for that.</summary>
    public bool IsDownloadable => !LeavesNothing && (Completed is not null || AreCrcsKnown);

    /// <summary>Nobody has decided yet what the ZIP is made of.</summary>
    public bool IsWaitingForPlan => IsWaitingForWork && Plan is null;

    public static Album Evolve(Album state, IAlbumEvent e) => e switch
    {
        AlbumRequested request => state with { Status = AlbumStatus.Requested, Request = request },
        AttemptStarted attempt => state with
        {
            Status = state.Plan is null ? AlbumStatus.Planning : AlbumStatus.Zipping,
            Attempt = attempt,
            Attempts = state.HasYielded ? state.Attempts : state.Attempts + 1,
            HasYielded = false,
            Pace = state.Pace.Resumed(attempt.At),
            Underway = state.Underway.Resumed(attempt.At),
        },
        AttemptYielded => state with { HasYielded = true },
        FileSkipped file => state with { Skipped = state.Skipped.Add(new SkippedFile(file.Index, file.Name, file.Reason)) },
        PlanFrozen plan => state with
        {
            Status = state.Status is AlbumStatus.Requested ? AlbumStatus.Requested : AlbumStatus.Zipping, // a download planned it, no worker yet
            Plan = plan,
            Pace = state.Pace.Resumed(plan.At ?? state.Pace.At),
        },
        MultipartBegun upload => state with
        {
            Upload = upload,
            Abandoned = state.Upload is { } old ? state.Abandoned.Add(old) : state.Abandoned,
            Parts = state.Parts.Clear(),
            StoredBytes = 0,
            FilesZipped = 0,
            Underway = EntriesUnderway.None,
        },
        PartStored part => state.Without(part.Number).With(part),
        PartInvalidated part => state.Without(part.Number),
        FileZipped file => state with { FilesZipped = file.Index + 1, Underway = state.Underway.Without(file.Index) },
        Replanned replanned => state.KeepingPartsBefore(replanned.FromPart) with { Plan = null, FilesZipped = replanned.FilesKept },
        AlbumCompleted completed => state with
        {
            Status = AlbumStatus.Completed,
            Completed = completed,
            ExpiryAnnounced = null,
            RemindersSent = [],
        },
        LinkSent link => state with { LinksSent = state.LinksSent.Add(link.Recipient) },
        AlbumFailed failure => state with { Status = AlbumStatus.Failed, Failure = failure },
        AlbumReplayed => state with
        {
            Status = AlbumStatus.Requested,
            Skipped = state.Plan is null ? [] : state.Skipped, // planning looks at every file again
            Failure = null,
        },
        AlbumCancelled => state with { Status = AlbumStatus.Cancelled },
        AlbumDeleted => state with { Status = AlbumStatus.Deleted },
        ExpiryAnnounced announced => state with { ExpiryAnnounced = announced },
        ReminderSent reminder => state with { RemindersSent = state.RemindersSent.Add(reminder.Recipient) },
        AlbumExpired => state with { Status = AlbumStatus.Expired },
        _ => state,
    };

    /// <summary>The state, where the album exists.</summary>
    /// <exception cref="CommandRefusedException"><c>ALBUM_NOT_FOUND</c>; <c>ALBUM_GONE</c> where it was deleted.</exception>
    public Album OrNotFound(Guid albumId) => Status switch
    {
        AlbumStatus.Unknown => throw new CommandRefusedException("ALBUM_NOT_FOUND", $"There is no album {albumId}."),
        AlbumStatus.Deleted => throw new CommandRefusedException("ALBUM_GONE", "The album was deleted. Request a new one."),
        _ => this,
    };

    /// <summary>The state, where the album exists and time has not taken its ZIP.</summary>
    /// <exception cref="CommandRefusedException"><c>ALBUM_NOT_FOUND</c>; <c>ALBUM_GONE</c> where it was deleted or has expired.</exception>
    public Album OrGone(Guid albumId) => Status is AlbumStatus.Expired
        ? throw new CommandRefusedException("ALBUM_GONE", "The album was kept for its time and has expired. Request a new one.")
        : OrNotFound(albumId);

    private Album With(PartStored part)
    {
        var memoryBytes = Pace.MemoryBytesOf(Plan);
        return this with
        {
            Parts = Parts.SetItem(part.Number, part),
            StoredBytes = StoredBytes + part.SizeBytes,
            Pace = Pace.After(part.SizeBytes, Math.Max(part.Segments.Count - 1, 0), part.At, memoryBytes), // the last one goes on
            Underway = Underway.With(part, FilesZipped, Pace.At, memoryBytes),
        };
    }

    private Album Without(int number) => !Parts.TryGetValue(number, out var part) ? this : this with
    {
        Parts = Parts.Remove(number),
        StoredBytes = StoredBytes - part.SizeBytes,
        Underway = Underway.Without(part),
    };

    private Album KeepingPartsBefore(int fromPart) =>
        Parts.Keys.Where(number => number >= fromPart).Aggregate(this, (album, number) => album.Without(number));
}
