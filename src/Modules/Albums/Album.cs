using System.Collections.Immutable;
using Albums.Contracts;
using Albums.Zip;
using Platform.Costs;
using Platform.Events;

namespace Albums;

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

    /// <summary>Volumes that are complete, where others of the edition are still to come.</summary>
    public ImmutableList<VolumeCompleted> Volumes { get; private init; } = [];

    /// <summary>Uploads that others took the place of. Whoever began the new one aborts the old; what a crash left of them goes in the end.</summary>
    public ImmutableList<MultipartBegun> Abandoned { get; private init; } = [];

    public ImmutableDictionary<int, PartStored> Parts { get; private init; } = ImmutableDictionary<int, PartStored>.Empty;

    /// <summary>Sum of the sizes of <see cref="Volumes"/> and <see cref="Parts"/>.</summary>
    public long StoredBytes { get; private init; }

    /// <summary>Entries that are safe: the first ones of the plan, this many.</summary>
    public int FilesZipped { get; private init; }

    public ImmutableList<SkippedFile> Skipped { get; private init; } = [];

    /// <summary>Files that somebody does without and that are still planned; by their place among the files asked for.</summary>
    public ImmutableHashSet<int> SkipsRequested { get; private init; } = [];

    public int Attempts { get; private init; }

    /// <summary>Of <see cref="Attempts"/>, those since somebody wanted the album to go on.</summary>
    public int AttemptsSinceReplay { get; private init; }

    public AttemptStarted? Attempt { get; private init; }

    /// <summary>The attempt made room for others; who goes on with it makes no new one.</summary>
    public bool HasYielded { get; private init; }

    /// <summary>How fast parts become safe.</summary>
    public Pace Pace { get; private init; } = Pace.From(DateTimeOffset.MinValue);

    /// <summary>Entries behind <see cref="FilesZipped"/> of which bytes are safe.</summary>
    public EntriesUnderway Underway { get; private init; } = EntriesUnderway.None;

    public AlbumCompleted? Completed { get; private init; }

    /// <summary>The edition that can be had while a replay makes the next one.</summary>
    public Edition? Standing { get; private init; }

    /// <summary>The plan of what can be had.</summary>
    public PlanFrozen? OfferedPlan => Standing?.Plan ?? Plan;

    /// <summary>The ZIPs of <see cref="OfferedPlan"/> that are in the store: all of them, or the first volumes.</summary>
    public IReadOnlyList<AlbumVolume> OfferedZips => Zip?.Zips ?? [.. Volumes.Select(volume => volume.ToVolume())];

    /// <summary>The ZIP that is in the store, also while a replay makes the next one.</summary>
    public AlbumCompleted? Zip => Completed ?? Standing?.Completed;

    /// <summary>Number of the edition that is made or complete, from 1. No two have a key in common.</summary>
    public int EditionNumber { get; private init; } = 1;

    /// <summary>How many editions were completed.</summary>
    public int Completions { get; private init; }

    /// <summary>Keys of ZIPs that later editions took the place of.</summary>
    public ImmutableList<string> Superseded { get; private init; } = [];

    public AlbumFailed? Failure { get; private init; }

    /// <summary>Recipients whose mail server has the link.</summary>
    public ImmutableHashSet<int> LinksSent { get; private init; } = [];

    /// <summary>Mails that will not be tried again, and to whom.</summary>
    public ImmutableHashSet<(string Mail, int Recipient)> MailsFailed { get; private init; } = [];

    /// <summary>How often somebody wanted the link to be mailed once more.</summary>
    public int LinksRequested { get; private init; }

    /// <summary>Files at which downloads broke off, by plan and entry.</summary>
    public ImmutableHashSet<(string PlanHash, int Entry)> DownloadsBroken { get; private init; } = [];

    public ExpiryAnnounced? ExpiryAnnounced { get; private init; }

    /// <summary>Until when the ZIP is kept, as far as anybody was told.</summary>
    public DateTimeOffset? ExpiresAt => ExpiryAnnounced?.ExpiresAt ?? Zip?.ExpiresAt;

    /// <summary>Recipients whose mail server has the reminder.</summary>
    public ImmutableHashSet<int> RemindersSent { get; private init; } = [];

    /// <param name="index">Of a file, among those asked for.</param>
    public bool LeavesOut(int index) => SkipsRequested.Contains(index) || Skipped.Exists(file => file.Index == index);

    /// <summary>There is work that a worker may take up.</summary>
    public bool IsWaitingForWork => Status is AlbumStatus.Requested or AlbumStatus.Planning or AlbumStatus.Zipping;

    /// <summary>Nothing of it may stay in the store, and nobody can change that any more.</summary>
    public bool LeavesNothing => Status is AlbumStatus.Cancelled or AlbumStatus.Deleted or AlbumStatus.Expired;

    /// <summary>An outage of another server fails the attempt; later its files are done without.</summary>
    public bool WaitsForOtherServers => AttemptsSinceReplay <= PatientAttempts;

    /// <summary>Every byte of the ZIP follows from the plan and the files: the plan knows their CRCs, or they were found while packing.</summary>
    public bool AreCrcsKnown => Plan is { } plan && FilesZipped >= (plan.EntriesToRead ?? plan.Entries);

    /// <summary>The ZIP can be had now. It need not be complete for that.</summary>
    public bool IsDownloadable => !LeavesNothing && (Zip is not null || AreCrcsKnown);

    /// <summary>Nobody has decided yet what the ZIP is made of.</summary>
    public bool IsWaitingForPlan => IsWaitingForWork && Plan is null;

    /// <summary>Whom the work on it is for.</summary>
    public UsageAccount AccountOf(Guid albumId) => new("albums", Request?.WeddingId, AlbumId: albumId);

    public static Album Evolve(Album state, IAlbumEvent e) => e switch
    {
        AlbumRequested request => state with { Status = AlbumStatus.Requested, Request = request },
        AttemptStarted attempt => state with
        {
            Status = state.Plan is null ? AlbumStatus.Planning : AlbumStatus.Zipping,
            Attempt = attempt,
            Attempts = state.Attempts + (state.HasYielded ? 0 : 1),
            AttemptsSinceReplay = state.AttemptsSinceReplay + (state.HasYielded ? 0 : 1),
            HasYielded = false,
            Pace = state.Pace.Resumed(attempt.At),
            Underway = state.Underway.Resumed(attempt.At),
        },
        AttemptYielded => state with { HasYielded = true },
        FileSkipRequested file => state with { SkipsRequested = state.SkipsRequested.Add(file.Index) },
        FileSkipped file => state with
        {
            Skipped = state.Skipped.Add(new SkippedFile(file.Index, file.Name, file.Reason, file.Key)),
            SkipsRequested = state.SkipsRequested.Remove(file.Index),
        },
        PlanFrozen plan => state with
        {
            Status = state.Status is AlbumStatus.Requested ? AlbumStatus.Requested : AlbumStatus.Zipping, // a download planned it, no worker yet
            Plan = plan,
            Pace = state.Pace.Resumed(plan.At ?? state.Pace.At),
        },
        MultipartBegun upload => state.WithoutUpload() with { Upload = upload },
        PartStored part => state.Without(part.Number).With(part),
        PartInvalidated part => state.Without(part.Number),
        FileZipped file => state with { FilesZipped = file.Index + 1, Underway = state.Underway.Without(file.Index) },
        VolumeCompleted volume => state.Closing(volume),
        Replanned replanned => state.KeepingPartsBefore(replanned.FromPart) with { Plan = null, FilesZipped = replanned.FilesKept },
        AlbumCompleted completed => state with
        {
            Status = AlbumStatus.Completed,
            Completed = completed,
            Completions = state.Completions + 1,
            Superseded = state.Standing is { } old ? state.Superseded.AddRange(old.Completed.Zips.Select(zip => zip.Key)) : state.Superseded,
            Standing = null,
            LinksSent = [],
            MailsFailed = [],
            ExpiryAnnounced = null,
            RemindersSent = [],
        },
        LinkSent link => state with { LinksSent = state.LinksSent.Add(link.Recipient) },
        MailFailed failed => state with { MailsFailed = state.MailsFailed.Add((failed.Mail, failed.Recipient)) },
        LinkRequested => state with { LinksSent = [], MailsFailed = [], LinksRequested = state.LinksRequested + 1 },
        DownloadBroken broken => state with { DownloadsBroken = state.DownloadsBroken.Add((broken.PlanHash, broken.Entry)) },
        AlbumFailed failure => state with { Status = AlbumStatus.Failed, Failure = failure },
        AlbumReplayed when state.Completed is { } zip => state.BeforeVolumes() with
        {
            Status = AlbumStatus.Requested,
            Standing = new Edition(state.Plan!, zip, state.Skipped),
            EditionNumber = state.EditionNumber + 1,
            AttemptsSinceReplay = 0,
            Plan = null,
            Completed = null,
            Skipped = [],
        },
        AlbumReplayed => state with
        {
            Status = AlbumStatus.Requested,
            AttemptsSinceReplay = 0,
            Skipped = state.Plan is null ? [] : state.Skipped, // planning looks at every file again
            Failure = null,
        },
        ReplayEnded when state.Standing is { } standing => state.BeforeVolumes() with
        {
            Status = AlbumStatus.Completed,
            Plan = standing.Plan,
            FilesZipped = standing.Plan.Entries,
            Completed = standing.Completed,
            Skipped = standing.Skipped,
            Superseded = state.Superseded.AddRange(state.KeysUnderway),
            Standing = null,
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

    private IEnumerable<string> KeysUnderway => Volumes.Select(volume => volume.Key).Concat(Upload is { } open ? [open.Key] : []);

    private Album BeforeVolumes() => (this with { Volumes = [] }).WithoutUpload();

    // Its upload is no more: there is nothing left of it to abort.
    private Album Closing(VolumeCompleted volume) => (this with { Volumes = Volumes.Add(volume), Upload = null }).WithoutUpload();

    private Album WithoutUpload() => this with
    {
        Upload = null,
        Abandoned = Upload is { } old ? Abandoned.Add(old) : Abandoned,
        Parts = Parts.Clear(),
        StoredBytes = Volumes.Sum(volume => volume.SizeBytes),
        FilesZipped = Volumes.Sum(volume => volume.Entries),
        Underway = EntriesUnderway.None,
    };

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

/// <summary>A ZIP that is complete, and all that belongs to it.</summary>
internal sealed record Edition(PlanFrozen Plan, AlbumCompleted Completed, ImmutableList<SkippedFile> Skipped)
{
    internal bool Holds(PlannedEntry entry) => Skipped.TrueForAll(file => file.Index != entry.Index);
}
