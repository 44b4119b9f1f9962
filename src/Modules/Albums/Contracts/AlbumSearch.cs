namespace Albums.Contracts;

/// <summary>Which albums, in which order. Conditions are combined; one that is empty holds for all.</summary>
/// <param name="Text">Part of a wedding's id, or an album's id.</param>
/// <param name="Statuses">Any of these; deleted ones are found only where it is asked for them.</param>
/// <param name="RequestedFrom">Inclusive.</param>
/// <param name="After">The last album of the page before.</param>
public sealed record AlbumSearch(
    string? Text = null,
    IReadOnlyList<AlbumStatus>? Statuses = null,
    DateTimeOffset? RequestedFrom = null,
    AlbumSort Sort = AlbumSort.Newest,
    Guid? After = null);

public enum AlbumSort
{
    Newest,
    Oldest,
    Largest,
    Wedding,
}

/// <param name="Count">Of all pages, but no more than <see cref="MostCounted"/>.</param>
/// <param name="HasMore">Albums follow behind the last of these.</param>
public sealed record AlbumPage(IReadOnlyList<AlbumSummary> Albums, int Count, bool HasMore)
{
    /// <summary>Counting more would cost more than the page, and tell nobody more.</summary>
    public const int MostCounted = 100_000;
}

/// <param name="SizeBytes">Of the ZIP; <see langword="null"/> until it is planned.</param>
/// <param name="PackedBytes">Safe in the store; <see langword="null"/> unless it is being packed.</param>
public sealed record AlbumSummary(
    Guid AlbumId,
    string WeddingId,
    AlbumStatus Status,
    DateTimeOffset RequestedAt,
    DateTimeOffset? CompletedAt,
    long? SizeBytes,
    long? PackedBytes);

/// <param name="FailedToday">Requested in the last 24 hours.</param>
/// <param name="BytesPerSecond">Of all albums being packed.</param>
/// <param name="Underway">The first of them.</param>
public sealed record AlbumsOverview(
    int Waiting, int Packing, int Failed, int FailedToday, int CompletedToday, double BytesPerSecond, IReadOnlyList<AlbumView> Underway);

/// <param name="FailureDetail">What happened, for admins: it may name keys and servers.</param>
/// <param name="Version">How many events the album has.</param>
public sealed record AlbumDetail(AlbumView View, string? FailureDetail, DateTimeOffset? AttemptedAt, AlbumMailCounts Mails, long Version);

/// <summary>Where the mails with the link are.</summary>
/// <param name="Wanted">Addresses that the request named.</param>
/// <param name="Failed">Refused for good, or too often.</param>
public sealed record AlbumMailCounts(int Wanted, int Sent, int Failed);

/// <param name="Text">Part of the name.</param>
/// <param name="From">Leaves out the files of the pages before.</param>
public sealed record AlbumFileSearch(string? Text = null, AlbumFileState? State = null, int From = 0);

public enum AlbumFileState
{
    Waiting,
    Packing,
    Packed,
    Missing,
}

/// <param name="Count">How many files the search finds.</param>
/// <param name="NextFrom">Where the next page begins; <see langword="null"/> on the last one.</param>
public sealed record AlbumFilePage(IReadOnlyList<AlbumFileRow> Files, int Count, int? NextFrom);

/// <param name="Reason">Why it is missing.</param>
/// <param name="Skippable">What <see cref="IAlbums.SkipFileAsync"/> knows it by, as long as the album can do without it.</param>
public sealed record AlbumFileRow(string Name, long? SizeBytes, AlbumFileState State, string? Reason, int? Skippable = null);

/// <param name="Types">Any of these stored names; empty for all.</param>
/// <param name="Before">Leaves out this version and later ones.</param>
public sealed record AlbumEventSearch(IReadOnlyList<string>? Types = null, long? Before = null);

/// <param name="Before">Of the next page; <see langword="null"/> on the last one.</param>
public sealed record AlbumEventPage(IReadOnlyList<AlbumEventRow> Events, long? Before);

/// <param name="Details">The event as JSON, cut off where it is long.</param>
public sealed record AlbumEventRow(long Version, string Type, DateTimeOffset RecordedAt, string Details, string? By);
