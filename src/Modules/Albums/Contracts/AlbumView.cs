namespace Albums.Contracts;

/// <summary>What frontends and the portal see of an album: the answer to a request, of the status call, and each progress event.</summary>
/// <param name="Underway">Files of which bytes are safe, but not all: the first few.</param>
/// <param name="BytesPerSecond">Of late; <see langword="null"/> while nobody packs, and until a part is stored.</param>
/// <param name="SecondsLeft">Until the ZIP is complete, as far as the pace so far tells. <see langword="null"/> where it tells nothing.</param>
/// <param name="ExpiresAt">Until when the ZIP is kept; <see langword="null"/> until it is complete, and where it is kept for ever.</param>
/// <param name="DownloadUrl">Relative; set while the ZIP can be had, which may be before it is complete. Of several volumes the first.</param>
/// <param name="Volumes">Where the album is several ZIPs; else <see langword="null"/>.</param>
/// <param name="MissingFiles">How many files are not in the ZIP.</param>
/// <param name="Missing">The first of them, and why.</param>
public sealed record AlbumView(
    Guid AlbumId,
    string WeddingId,
    AlbumStatus Status,
    Tally<int> Files,
    Tally<long> Bytes,
    Tally<int> Parts,
    IReadOnlyList<FileUnderway> Underway,
    double? BytesPerSecond,
    double? FilesPerSecond,
    double? SecondsLeft,
    int Attempt,
    string? Node,
    DateTimeOffset RequestedAt,
    DateTimeOffset? CompletedAt,
    DateTimeOffset? ExpiresAt,
    string? DownloadUrl,
    IReadOnlyList<AlbumVolumeView>? Volumes,
    int MissingFiles,
    IReadOnlyList<MissingFile> Missing,
    AlbumFailure? Failure)
{
    // Each progress event carries a view: one of an album with thousands of missing files must not be megabytes.
    private const int MostMissing = 100;
    private const int MostUnderway = 8;

    /// <summary>Nothing will change any more unless somebody asks for it.</summary>
    internal bool IsFinal => Status is AlbumStatus.Completed or AlbumStatus.Failed or AlbumStatus.Cancelled or AlbumStatus.Deleted or AlbumStatus.Expired;

    internal static AlbumView Of(Guid albumId, Album album, DateTimeOffset now)
    {
        var completed = album.Completed is not null;
        var skipped = album is { Plan: null, Standing: { } standing } ? standing.Skipped : album.Skipped;
        var bytes = album.Plan?.SizeBytes ?? 0;
        var partSize = album.Plan?.PartSizeBytes ?? 1;
        var parts = album.Plan is { } cut ? Enumerable.Range(1, cut.VolumeCount).Sum(cut.PartCountOf) : 0;
        var partsDone = album.Volumes.Sum(volume => album.Plan?.PartCountOf(volume.Number) ?? 0) + album.Parts.Count;
        AlbumVolumeView[] volumes = [.. AlbumOffer.ViewsOf(albumId, album)];
        var files = album.Plan is { } plan ? plan.Entries - (album.Skipped.Count > 0 ? 1 : 0) : 0; // without the one that lists the missing
        var filesDone = completed ? album.Completed!.Files : Math.Min(album.FilesZipped, files);
        var pace = album.Status is AlbumStatus.Zipping ? album.Pace : null;
        return new AlbumView(
            albumId,
            album.Request!.WeddingId,
            album.Status,
            new(files, filesDone),
            new(bytes, completed ? bytes : album.StoredBytes),
            new(parts, completed ? parts : partsDone),
            pace is null ? [] : [.. album.Underway.Entries.Take(MostUnderway).Select(FileUnderway.Of)],
            pace?.BytesPerSecond,
            pace?.FilesPerSecond,
            pace?.SecondsFor(bytes - album.StoredBytes, files - filesDone, partSize, now),
            album.Attempts,
            album.Attempt?.Node,
            album.Request.At,
            album.Completed?.At,
            album.ExpiresAt,
            volumes.FirstOrDefault()?.DownloadUrl,
            volumes.Length > 1 ? volumes : null,
            skipped.Count,
            [.. skipped.Take(MostMissing).Select(file => new MissingFile(file.Name, file.Reason))],
            album.Failure is { } failure ? AlbumFailure.Of(failure.Reason) : null);
    }
}

/// <summary>How much of something is done.</summary>
public sealed record Tally<T>(T Total, T Done);

/// <param name="Index">Of the ZIP's entries, from 0.</param>
public sealed record FileUnderway(int Index, long DoneBytes, double? BytesPerSecond)
{
    internal static FileUnderway Of(KeyValuePair<int, EntryUnderway> entry) =>
        new(entry.Key, entry.Value.StoredBytes, entry.Value.Pace.BytesPerSecond);
}

public sealed record MissingFile(string Name, string Reason);

/// <summary>Why an album failed, for those who wait for it. What the event says beyond it is for admins: it may name keys and hosts.</summary>
public sealed record AlbumFailure(string Reason, string Detail)
{
    internal static AlbumFailure Of(string reason) => new(reason, reason switch
    {
        "NO_FILES" => "None of the album's files is there.",
        "TOO_MANY_FILES" => AlbumContents.TooManyFiles,
        "STORAGE_ERROR" => "The storage did not answer, again and again. Nothing is lost: try again later.",
        _ => "Something went wrong here, again and again. Nothing is lost: try again later.",
    });
}

/// <summary>One of the ZIPs of an album.</summary>
/// <param name="IsComplete">It is in the store.</param>
/// <param name="DownloadUrl">Relative; set while it can be had, which may be before it is complete.</param>
public sealed record AlbumVolumeView(int Number, long SizeBytes, bool IsComplete, string? DownloadUrl);
